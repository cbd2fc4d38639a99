import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OperatorError } from '../../common/errors.ts';

const run = promisify(execFile);

/** What the bosh CLI writes into .gitignore. */
const ignored = `config/private.yml
blobs
dev_releases
releases/*.tgz
releases/**/*.tgz
.dev_builds
.final_builds/jobs/**/*.tgz
.final_builds/packages/**/*.tgz
.DS_Store
.idea
*.swp
*~
*#
#*
`;

export async function initGit(dir: string): Promise<void> {
  await run('git', ['init', dir]);
  await writeFile(join(dir, '.gitignore'), ignored);
}

/** The short hash of HEAD; `non-git` outside of git, `empty` before the first commit. */
export async function commitHash(dir: string): Promise<string> {
  if (!(await isGit(dir))) return 'non-git';
  try {
    return (await run('git', ['rev-parse', '--short', 'HEAD'], { cwd: dir })).stdout.trim();
  } catch (thrown) {
    if (/single revision|unknown revision|ambiguous argument/.test(String(thrown))) return 'empty';
    throw thrown;
  }
}

/**
 * Whether there are changes that no commit holds.
 * @throws OperatorError `release-dir-dirty` when there are, unless forced
 */
export async function uncommittedChanges(dir: string, { force }: { force: boolean }): Promise<boolean> {
  if (!(await isGit(dir))) return false;
  const { stdout } = await run('git', ['status', '--porcelain=1'], { cwd: dir, maxBuffer: 64 * 1024 * 1024 });
  const changes = stdout.trimEnd();
  if (changes === '') return false;
  if (force) return true;
  const lines = changes.split('\n');
  throw new OperatorError(
    `the release directory has changes that are not committed:\n${lines.slice(0, linesShownMax).join('\n')}`,
    {
      code: 'release-dir-dirty',
      hint: 'Commit them, so that the release can be told by its commit, or add --force.',
      details: { dir, changes: lines.length },
    },
  );
}

const linesShownMax = 20;

async function isGit(dir: string): Promise<boolean> {
  return run('git', ['rev-parse', '--git-dir'], { cwd: dir }).then(
    () => true,
    () => false,
  );
}
