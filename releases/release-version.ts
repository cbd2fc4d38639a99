import { OperatorError } from '../common/errors.ts';
import { compareVersions, latestOf, parseVersion } from '../common/version.ts';

// How the versions of releases go on. Source: go-semi-semantic and `releasedir/fs_release_dir.go` of bosh-cli.

/**
 * `0+dev.1` first; then the last component of the part behind `+` goes up, or `+dev.1` comes to a final version.
 * With a time it is `+dev.TIME`, whatever there was.
 * @throws OperatorError `release-version-not-countable`
 */
export function nextDevVersion(latest: string | undefined, timestampS?: number): string {
  const { release, pre, post } = split(latest ?? '0+dev.0');
  const next =
    timestampS !== undefined ? `dev.${timestampS}` : post === undefined ? 'dev.1' : incremented(post, latest);
  return `${release}${pre === undefined ? '' : `-${pre}`}+${next}`;
}

/** `1` first; then the last component of the release part goes up, and what is behind it is dropped. */
export function nextFinalVersion(latest: string | undefined): string {
  return latest === undefined ? '1' : incremented(split(latest).release, latest);
}

/**
 * The version that a dev release gets when it is uploaded with --rebase: the next one after the newest of the same
 * final version. `1+dev.7` onto `1+dev.2` and `1` is `1+dev.3`. Source: `version/release_version_list.rb` of bosh.
 * @throws OperatorError `release-not-rebasable` for a final version
 */
export function rebasedVersion(version: string, existing: readonly string[]): string {
  const base = baseOf(version);
  if (split(version).post === undefined) {
    throw new OperatorError(`"${version}" is a final version and can not be rebased`, {
      code: 'release-not-rebasable',
      hint: 'Upload it without --rebase.',
      details: { version },
    });
  }
  const newest = latestOf(existing.filter((each) => compareVersions(baseOf(each), base) === 0));
  return newest === undefined ? `${base}+dev.1` : nextDevVersion(newest);
}

function baseOf(text: string): string {
  const { release, pre } = split(text);
  return pre === undefined ? release : `${release}-${pre}`;
}

function split(text: string): { release: string; pre?: string; post?: string } {
  const version = parseVersion(text);
  if (version === undefined) throw notCountable(text);
  const { release, pre, post } = version;
  return {
    release: release.join('.'),
    ...(pre === null ? {} : { pre: pre.join('.') }),
    ...(post === null ? {} : { post: post.join('.') }),
  };
}

function incremented(part: string, whole: string | undefined): string {
  const components = part.split('.');
  const last = components.pop() ?? '';
  if (!/^\d+$/.test(last)) throw notCountable(whole ?? part);
  return [...components, String(Number(last) + 1)].join('.');
}

function notCountable(text: string): OperatorError {
  return new OperatorError(`"${text}" does not say which version comes next`, {
    code: 'release-version-not-countable',
    hint: 'Give a version with --version.',
    details: { version: text },
  });
}
