import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isPlainName } from '../apply-spec.ts';
import { recordArgument, textArgument, textField } from '../arguments.ts';
import { pack, unpack, withBlob } from '../bundles/archive.ts';
import { installPackage, packageBundles, packageOf } from '../bundles/install.ts';
import { ActionFailed } from '../errors.ts';
import { orAbsent } from '../files.ts';
import type { Machine } from '../machine.ts';
import type { AgentMethods, PackageRef } from '../protocol.ts';
import { isRecord } from '../shape.ts';
import { sizeOf, tailBytesMax, tailOf } from '../tail.ts';
import type { Action } from './action.ts';

type Result = AgentMethods['compile_package']['result'];

interface Source {
  name: string;
  version: string;
  blobId: string;
  digest: string;
}

/**
 * Compiles one package on a machine that is for nothing else: its dependencies are installed and all other packages
 * removed, so that a packaging script finds what its release says and no more.
 */
export const compilePackage: Action = async (machine, { args, signal }): Promise<Result> => {
  const source: Source = {
    blobId: textArgument(args, 0, 'blob id'),
    digest: textArgument(args, 1, 'digest'),
    name: textArgument(args, 2, 'name'),
    version: textArgument(args, 3, 'version'),
  };
  if (!isPlainName(source.name)) {
    throw new ActionFailed(`"${source.name}" is not the name of a package`, { code: 'package-refused' });
  }
  const dependencies = Object.entries(recordArgument(args, 4, 'dependencies')).map(parseDependency);
  return machine.bundlesLock.run(signal, () => compile(machine, { source, dependencies }, signal));
};

async function compile(
  machine: Machine,
  { source, dependencies }: { source: Source; dependencies: PackageRef[] },
  signal: AbortSignal,
): Promise<Result> {
  const { paths } = machine.platform;
  const packages = packageBundles(machine);
  const folder = join(paths.compile, source.name);
  const temporary = join(paths.temporary, `compile-${machine.chance.uuid()}`);
  const target = { name: source.name, version: `${source.version}-compiling` };
  await packages.keepOnly(dependencies.map(packageOf));
  try {
    for (const ref of dependencies) {
      await installPackage(machine, ref, signal);
      await packages.enable(packageOf(ref));
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await mkdir(temporary);
    const blob = { what: `source of package ${source.name}`, blobId: source.blobId, digest: source.digest };
    await withBlob(machine, blob, signal, (archive) => unpack(machine, archive, folder, signal));
    await packages.install(target, async () => {});
    await packages.enable(target);
    await runPackaging(machine, { source, folder, temporary, installTarget: packages.link(source.name) }, signal);
    const archive = join(temporary, 'compiled.tgz');
    await pack(machine, packages.path(target), archive, signal);
    const { blobId, multidigest } = await machine.blobs().put(archive, signal);
    return { result: { sha1: multidigest, blobstore_id: blobId } };
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(temporary, { recursive: true, force: true });
    await packages.keepOnly([]);
  }
}

async function runPackaging(
  machine: Machine,
  {
    source,
    folder,
    temporary,
    installTarget,
  }: { source: Source; folder: string; temporary: string; installTarget: string },
  signal: AbortSignal,
): Promise<void> {
  if ((await orAbsent(stat(join(folder, 'packaging')))) === undefined) return; // nothing to do: an empty package
  const { run, searchPath } = machine.platform;
  const output = join(temporary, 'output.log');
  const { exitCode, endedBy } = await run('bash', {
    args: ['-x', 'packaging'],
    cwd: folder,
    env: {
      PATH: searchPath,
      HOME: folder,
      TMPDIR: temporary,
      BOSH_COMPILE_TARGET: folder,
      BOSH_INSTALL_TARGET: installTarget,
      BOSH_PACKAGE_NAME: source.name,
      BOSH_PACKAGE_VERSION: source.version,
    },
    stdout: output,
    stderr: output,
    signal,
  });
  if (exitCode === 0) return;
  const stored = (await sizeOf(output)) > tailBytesMax ? await storeOutput(machine, output, signal) : undefined;
  throw new ActionFailed(
    `packaging of ${source.name}/${source.version} ended with ${exitCode ?? endedBy ?? 'a signal'}. ` +
      `The end of its output:\n${await tailOf(output)}`,
    {
      code: 'packaging-failed',
      details: { package: source.name, exitCode },
      ...(stored && { blobId: stored.blobId }),
    },
  );
}

/** What the message leaves out is kept; that it can't be hides no failure. */
async function storeOutput(machine: Machine, output: string, signal: AbortSignal): Promise<{ blobId: string } | void> {
  return machine
    .blobs()
    .put(output, signal)
    .catch((thrown: unknown) => machine.log.warn('packaging-output-not-stored', { error: String(thrown) }));
}

function parseDependency([key, ref]: [string, unknown]): PackageRef {
  if (!isRecord(ref)) throw new ActionFailed(`dependency ${key} is no object`, { code: 'invalid-input' });
  const name = textField(ref, 'name');
  if (!isPlainName(name)) throw new ActionFailed(`"${name}" is not the name of a package`, { code: 'package-refused' });
  return {
    name,
    version: textField(ref, 'version'),
    sha1: textField(ref, 'sha1'),
    blobstore_id: textField(ref, 'blobstore_id'),
  };
}
