import { InvalidManifest } from '../../../manifests/fault.ts';

/** The faults of what a parser throws, each as `path (line) code`; fails when it throws none. */
export function faultsOf(parse: () => unknown): string[] {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof InvalidManifest)) throw error;
    return error.faults.map(({ path, line, boshCode }) => `${path} (${line ?? '-'}) ${boshCode ?? '-'}`);
  }
  throw new Error('it was accepted');
}

/** The one line that an operator reads for the fault at this path. */
export function messageAt(path: string, parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof InvalidManifest)) throw error;
    const fault = error.faults.find((one) => one.path === path);
    if (fault !== undefined) return `${fault.message}${fault.suggestion === undefined ? '' : ` (${fault.suggestion})`}`;
    throw new Error(`no fault at ${path}: ${error.message}`, { cause: error });
  }
  throw new Error('it was accepted');
}
