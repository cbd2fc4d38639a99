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
  const { globals, clock, chance, ui } = context;
  return {
    dir: pathFrom(context, dir === '' ? '.' : dir),
    cacheDir: defaultCacheDir(),
    algorithm: globals.sha2 ? 'sha256' : 'sha1',
    clock,
    chance,
    report: (progress) => {
      const text = described(progress);
      if (progress.kind === 'warning') ui.errorLine(text);
      else ui.line(text);
    },
  };
}

function described({ kind, ...progress }: ReleaseProgress): string {
  const index = 'index' in progress ? progress.index : '';
  switch (kind) {
    case 'index-entry-added':
      return `Added ${index} ${progress.what}`;
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
