import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../../cli/commands.ts';
import { bash } from '../../../cli/completion/bash.ts';
import { fish } from '../../../cli/completion/fish.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'completion-'));
  await writeFile(join(dir, 'completion.bash'), bash(commands));
  await writeFile(join(dir, 'manifest.yml'), '');
  await givenNames('web', 'worker');
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A program that tells what it was asked, and these names. */
async function givenNames(...names: string[]) {
  await writeFile(join(dir, 'names'), names.map((name) => `${name}\n`).join(''));
  const script = '#!/bin/sh\ncd "$(dirname "$0")" && echo "$@" > asked && cat names\n';
  await writeFile(join(dir, 'gantry'), script);
  await chmod(join(dir, 'gantry'), 0o755);
}

/** What bash offers for a line that ends where TAB was pressed; `=` stands alone, as bash has it. */
async function offered(...words: string[]): Promise<{ names: string[]; asked: string }> {
  const script = `source ./completion.bash
    COMP_WORDS=(gantry "$@"); COMP_CWORD=$#
    _gantry gantry; printf '%s\\n' "\${COMPREPLY[@]}"; cat asked >&2 2>/dev/null; rm -f asked`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', ...words], {
    cwd: dir,
    env: { PATH: `${dir}:${process.env['PATH']}` },
  });
  return { names: stdout.split('\n').filter((name) => name !== ''), asked: stderr.trim() };
}

describe('bash offers', () => {
  test('deployments for -d, from the director that the line names', async () => {
    expect(await offered('-d', 'w')).toEqual({
      names: ['web', 'worker'],
      asked: 'completion --names deployments --non-interactive',
    });
    expect(
      await offered('-e', 'lab', 'deploy', 'manifest.yml', '--client', '=', 'ci', '--deployment', '=', 'wo'),
    ).toEqual({ names: ['worker'], asked: 'completion --names deployments --non-interactive -e lab --client ci' });
    expect((await offered('vms', '--deployment', '=')).names).toEqual(['web', 'worker']);
    expect(await offered('--environment=lab', 'vms', '--deployment=we')).toEqual({
      names: ['--deployment=web'],
      asked: 'completion --names deployments --non-interactive --environment=lab',
    });
  });

  test('environments for -e', async () => {
    expect((await offered('deploy', '-e', '')).asked).toBe('completion --names environments --non-interactive');
  });

  test('names as they are: nothing in them is run, expanded or taken for a pattern', async () => {
    const odd = ['$(touch ran)x', '`touch ran`', '${HOME}', '*', "it's", 'two words'];
    await givenNames(...odd, 'web');
    expect((await offered('-d', '')).names).toEqual([...odd, 'web']);
    expect((await offered('--deployment=')).names).toEqual([...odd, 'web'].map((name) => `--deployment=${name}`));
    expect((await offered('-d', '$(')).names).toEqual(['$(touch ran)x']);
    expect((await offered('-d', '*')).names).toEqual(['*']);
    expect(await readdir(dir)).not.toContain('ran');
    await givenNames('web', 'worker');
  });

  test('files as they are, too', async () => {
    for (const name of ['odd *', 'odd $(touch ran)']) await writeFile(join(dir, name), '');
    const odd = ['odd $(touch ran)', 'odd *'];
    expect((await offered('deploy', '-o', 'odd')).names.sort()).toEqual(odd);
    expect((await offered('deploy', 'odd')).names.sort()).toEqual(odd);
    expect(await readdir(dir)).not.toContain('ran');
  });

  test('files where a flag wants one, nothing where nobody knows, and never a command as a value', async () => {
    expect((await offered('deploy', '-o', 'man')).names).toEqual(['manifest.yml']);
    expect((await offered('deploy', '--vars-file', '=', 'man')).names).toEqual(['manifest.yml']);
    expect((await offered('--ca-cert', 'man')).names).toEqual(['manifest.yml']);
    expect((await offered('deploy', '--canaries', '')).names).toEqual([]);
    expect((await offered('--client', 'v')).names).toEqual([]);
  });

  test('commands, also behind flags with values; then their own flags, and files', async () => {
    expect((await offered('-d', 'web', 'dep')).names).toEqual(['deploy', 'deployment', 'deployments']);
    expect((await offered('-n', 'deploy', '--canar')).names).toEqual(['--canaries']);
    expect((await offered('director', '--')).names).toEqual(['--config', '--help']);
    expect((await offered('deploy', '--skip-drain', 'man')).names).toEqual(['manifest.yml']);
  });
});

describe('beside flags, bash offers', () => {
  test('the words that there are, and no files where none is meant', async () => {
    expect((await offered('completion', '')).names).toEqual(['bash', 'zsh', 'fish']);
    expect((await offered('update-resurrection', 'of')).names).toEqual(['off']);
    for (const command of ['stop', 'ignore', 'delete-vm', 'help'])
      expect((await offered(command, '')).names).toEqual([]);
    expect((await offered('upload-release', 'man')).names).toEqual(['manifest.yml']);
  });

  test('no command that is not built', async () => {
    expect((await offered('s')).names).toContain('stop');
    expect((await offered('s')).names).not.toContain('start-env');
  });
});

test('fish is told the same', () => {
  const lines = fish(commands).split('\n');
  const lineOf = (flag: string) => lines.find((line) => line.includes(` -l ${flag} `));
  expect(lineOf('deployment')).toContain("-s d -x -a '(__gantry_names deployments)'");
  expect(lineOf('environment')).toContain("-s e -x -a '(__gantry_names environments)'");
  expect(lines).toContainEqual(expect.stringMatching(/^ +test \$i -lt \(count \$words\); and set -a where /)); // `-e` alone
  expect(lineOf('ops-file')).toContain('-s o -r -F');
  expect(lines).toContain("complete -c gantry -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'");
  expect(lines).toContain("complete -c gantry -n '__fish_seen_subcommand_from stop' -f");
  expect(lines.filter((line) => line.includes('_from deploy d') && line.includes(' -f'))).toEqual([]);
  expect(lines.filter((line) => line.includes(' start-env'))).toEqual([]);
  expect(lineOf('canaries')).toContain('canaries -x -d');
  expect(lineOf('skip-drain')).toContain('skip-drain -d');
});
