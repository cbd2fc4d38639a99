import { InvalidInput } from '../../common/errors.ts';
import { checkAgainst } from '../../manifests/check-against.ts';
import type { CloudConfig } from '../../manifests/cloud-config.ts';
import type { DeploymentManifest } from '../../manifests/deployment-manifest.ts';
import { parseCloudConfig } from '../../manifests/parse/cloud-config.ts';
import { draftDeploymentManifest } from '../../manifests/parse/deployment-manifest.ts';
import { parseRuntimeConfig } from '../../manifests/parse/runtime-config.ts';
import type { RuntimeConfig } from '../../manifests/runtime-config.ts';
import type { YamlValue } from '../../manifests/value.ts';
import { documentOf, readYaml } from '../../manifests/yaml.ts';
import type { CollectedFaults } from './collected-faults.ts';
import type { Documents } from './variables/documents.ts';

export interface Texts {
  manifest: string;
  cloudConfigs: readonly string[];
  runtimeConfigs: readonly string[];
}

/**
 * A document is used without the lines of its text. That text is what a client has made of the operator's file, with sorted keys
 * and variables filled in: its lines would lead to the wrong place. Paths are the same in both.
 */
const readSent = (text: string, what: string) => readYaml(text, what).value;

/**
 * What was read, for whatever else can be checked of it; what was wrong is among the faults. Only of a manifest whose
 * parts have no place any more nothing can be said.
 */
export async function readTexts(
  texts: Texts,
  faults: CollectedFaults,
  fill: (documents: Documents) => Promise<Documents>,
): Promise<{ manifest: DeploymentManifest; cloud: CloudConfig | undefined; runtime: RuntimeConfig }> {
  const cloudConfigs = await faults.of(() => texts.cloudConfigs.map((text) => readSent(text, 'cloud config')));
  const runtimeConfigs = await faults.of(() => texts.runtimeConfigs.map((text) => readSent(text, 'runtime config')));
  const documents = await fill({
    manifest: readSent(texts.manifest, 'manifest'),
    cloudConfigs: cloudConfigs ?? [],
    runtimeConfigs: runtimeConfigs ?? [],
  });
  const { value: manifest, warnings, invalid } = draftDeploymentManifest(documentOf(documents.manifest));
  if (invalid !== undefined) faults.inManifest(invalid);
  const cloud =
    cloudConfigs === undefined
      ? undefined
      : await faults.of(() => readCloudConfigs(documents.cloudConfigs), 'cloud config');
  const readRuntime = (configs: readonly YamlValue[]) => parseRuntimeConfig(configs.map((value) => documentOf(value)));
  const runtime = await faults.of(() => readRuntime(documents.runtimeConfigs), 'runtime config');
  for (const each of [warnings, cloud?.warnings ?? []]) faults.warn(each);
  if (manifest === undefined) {
    faults.throwIfAny('the deployment');
    throw new Error('a manifest was not read, and nothing was wrong with it');
  }
  if (cloud !== undefined) await faults.of(() => checkAgainst(manifest, cloud.value));
  return { manifest, cloud: cloud?.value, runtime: (runtime ?? readRuntime([])).value };
}

/** Without any, everything that a manifest names is unknown: one sentence tells more than a fault for each. */
function readCloudConfigs(cloudConfigs: readonly YamlValue[]) {
  if (cloudConfigs.length > 0) return parseCloudConfig(cloudConfigs.map((value) => documentOf(value)));
  const message = 'there is none, and it is what says which networks, AZs and VM types there are';
  throw new InvalidInput('cloud config', [{ path: '', message }], {
    code: 'cloud-config-missing',
    hint: 'Upload one with `bosh update-cloud-config FILE`, then deploy again.',
  });
}
