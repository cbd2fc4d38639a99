import { describe, expect, test } from 'vitest';
import { commands } from '../../../cli/commands.ts';
import { findCommand } from '../../../cli/find-command.ts';
import { globalFlags, globalsOf } from '../../../cli/globals.ts';
import { parseCommandLine, splitCommand } from '../../../cli/parse.ts';

function parse(line: string) {
  const { name, rest } = splitCommand(line.split(' '), globalFlags);
  return parseCommandLine(findCommand(commands, name), rest);
}

describe('a command line', () => {
  test('may have the flags of all before and behind the command', () => {
    const given = parse('-d cf deploy m.yml -n --json');
    expect(given.args).toEqual(['m.yml']);
    expect([given.text('deployment'), given.on('non-interactive'), given.on('json')]).toEqual(['cf', true, true]);
    expect(parse('deploy m.yml -d=cf').text('deployment')).toBe('cf');
  });

  test('a flag with an optional value takes it by "=" only', () => {
    const bare = parse('deploy --skip-drain m.yml');
    expect([bare.args, bare.list('skip-drain')]).toEqual([['m.yml'], ['*']]);
    expect(parse('deploy --skip-drain=web --skip-drain=db/0 m.yml').list('skip-drain')).toEqual(['web', 'db/0']);
    expect(parse('tasks -r').text('recent')).toBe('30');
    expect(parse('tasks -r=5').text('recent')).toBe('5');
    expect(parse('tasks --recent=7 -a').text('recent')).toBe('7');
  });

  test('-v is a variable to those who know variables, -r a report or the number of tasks', () => {
    const given = parse('deploy m.yml -v a=b -v c=d=e -o x.yml -o y.yml');
    expect(given.list('var')).toEqual(['a=b', 'c=d=e']);
    expect(given.list('ops-file')).toEqual(['x.yml', 'y.yml']);
    expect(given.on('version')).toBe(false);
  });

  test.each([
    ['deploy', 'the required argument `PATH` was not provided'],
    ['deploy --foo x', "unknown flag `foo'"],
    ['tasks a b', "Command 'tasks' does not support extra arguments: a, b"],
    ['vendor-package', 'the required argument `PACKAGE` was not provided'],
    ['add-blob', 'the required arguments `PATH` and `BLOBS-PATH` were not provided'],
    ['update-config x.yml --name n', "the required flag `--type' was not specified"],
    ['deploy m.yml -d', "expected argument for flag `-d, --deployment'"],
    ['director --json', "unknown flag `json'"],
    ['-d cf director', "unknown flag `d'"],
    ['nosuch', "Unknown command `nosuch'. Please specify one command of those that `gantry help` lists"],
    ['deply', "Unknown command `deply', did you mean `deploy'?"],
  ])('"%s" is refused: %s', (line, message) => {
    expect(() => parse(line)).toThrow(message);
  });

  test.each(['pcap -i eth0', 'cck --report -d cf', 'create-env m.yml -l vars.yml --vars-store=x'])(
    'of a command that is not built may have any flags of bosh: %s',
    (line) => {
      expect(parse(line).on('deployment')).toBe(line.endsWith('cf'));
    },
  );

  test('every command has its own name, and no short flag twice', () => {
    const names = commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, flags = [] } of commands) {
      const shorts = flags.flatMap(({ short }) => (short === undefined ? [] : [short]));
      expect(new Set(shorts).size, name).toBe(shorts.length);
    }
  });
});

test('flags win over the environment, and the environment over defaults', () => {
  const env = { BOSH_ENVIRONMENT: 'lab', BOSH_CLIENT: 'ci', BOSH_NON_INTERACTIVE: 'true', BOSH_DEPLOYMENT: '' };
  const globals = globalsOf(parse('tasks -e prod'), env);
  expect(globals).toMatchObject({
    environment: 'prod',
    client: 'ci',
    interactive: false,
    deployment: '',
    config: '~/.bosh/config',
    parallel: 5,
  });
});
