import { defaultCacheDir, type ReleasePlace, type ReleaseProgress } from '../releases/directory/place.ts';
import type { FlagSpec } from './given.ts';
import type { Context } from './context.ts';
import { pathFrom } from './template.ts';

export const dirFlag: FlagSpec = {
  name: 'dir',
  value: 'DIR',
  text: 'Release directory path if not current working directory',
  fallback: '.',
};

/** A release directory to work in; what happens there is told to people. */
export function releasePlace(context: Context, dir: string): ReleasePlace {
  const { clock, chance, ui } = context;
  return {
    dir: pathFrom(context, dir === '' ? '.' : dir),
    cacheDir: defaultCacheDir(),
    algorithm: 'sha256', // with and without --sha2, as the bosh CLI does since 7; sha1ify-release is there for old directors
    clock,
    chance,
    report: (progress) => {
      const text = described(progress);
      if (progress.kind === 'warning') ui.errorLine(text);
      else if (progress.kind === 'release-added') ui.line(text);
      else ui.begin(`${text}\n`);
    },
  };
}

function described({ kind, ...progress }: ReleaseProgress): string {
  const index = 'index' in progress ? progress.index : '';
  switch (kind) {
    case 'index-entry-adding':
      return `Adding ${oneOf(progress.what)}...`;
    case 'index-entry-added':
      return `Added ${oneOf(progress.what)}`;
    case 'release-added':
      return `Added ${index} release '${progress.what}'`;
    case 'blob-downloaded':
      return `Blob download '${progress.what}' finished`;
    case 'blob-uploaded':
      return `Blob upload '${progress.what}' finished`;
    case 'warning':
      return `Warning: ${progress.what}`;
  }
}

/** `jobs web/3f2a…` as `job 'web/3f2a…'`. */
function oneOf(what: string): string {
  const [kind = '', slug = ''] = what.split(' ');
  return `${kind.replace(/s$/, '')} '${slug}'`;
}
