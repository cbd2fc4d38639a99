import { InvalidInput } from '../../common/errors.ts';
import { checkAgainst } from '../../manifests/check-against.ts';
import type { CloudConfig } from '../../manifests/cloud-config.ts';
import type { DeploymentManifest } from '../../manifests/deployment-manifest.ts';
import { parseCloudConfig } from '../../manifests/parse/cloud-config.ts';
import { draftDeploymentManifest } from '../../manifests/parse/deployment-manifest.ts';
import { parseRuntimeConfig } from '../../manifests/parse/runtime-config.ts';
import type { RuntimeConfig } from '../../manifests/runtime-config.ts';
import { documentOf, readYaml } from '../../manifests/yaml.ts';
import type { CollectedFaults } from './collected-faults.ts';
import { refusePlaceholders } from './placeholders.ts';

export interface Texts {
  manifest: string;
  cloudConfigs: readonly string[];
  runtimeConfigs: readonly string[];
}

/**
 * A document without the lines of its text. That text is what a client has made of the operator's file, with sorted keys
 * and variables filled in: its lines would lead to the wrong place. Paths are the same in both.
 */
const readSent = (text: string, what: string) => documentOf(readYaml(text, what).value);

/**
 * What was read, for whatever else can be checked of it; what was wrong is among the faults. Only of a manifest whose
 * parts have no place any more nothing can be said.
 */
export async function readTexts(
  texts: Texts,
  faults: CollectedFaults,
): Promise<{ manifest: DeploymentManifest; cloud: CloudConfig | undefined; runtime: RuntimeConfig }> {
  const document = readSent(texts.manifest, 'manifest');
  refusePlaceholders(document.value);
  const { value: manifest, warnings, invalid } = draftDeploymentManifest(document);
  if (invalid !== undefined) faults.inManifest(invalid);
  const cloud = await faults.of(() => readCloudConfigs(texts.cloudConfigs), 'cloud config');
  const readRuntime = (configs: readonly string[]) =>
    parseRuntimeConfig(configs.map((text) => readSent(text, 'runtime config')));
  const runtime = await faults.of(() => readRuntime(texts.runtimeConfigs), 'runtime config');
  for (const each of [warnings, cloud?.warnings ?? []]) faults.warn(each);
  if (manifest === undefined) {
    faults.throwIfAny('the deployment');
    throw new Error('a manifest was not read, and nothing was wrong with it');
  }
  if (cloud !== undefined) await faults.of(() => checkAgainst(manifest, cloud.value));
  return { manifest, cloud: cloud?.value, runtime: (runtime ?? readRuntime([])).value };
}

/** Without any, everything that a manifest names is unknown: one sentence tells more than a fault for each. */
function readCloudConfigs(cloudConfigs: readonly string[]) {
  if (cloudConfigs.length > 0) return parseCloudConfig(cloudConfigs.map((text) => readSent(text, 'cloud config')));
  const message = 'there is none, and it is what says which networks, AZs and VM types there are';
  throw new InvalidInput('cloud config', [{ path: '', message }], {
    code: 'cloud-config-missing',
    hint: 'Upload one with `bosh update-cloud-config FILE`, then deploy again.',
  });
}
