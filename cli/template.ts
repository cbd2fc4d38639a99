import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as textOfStream } from 'node:stream/consumers';
import type { YamlValue } from '../manifests/value.ts';
import type { YamlDocument } from '../manifests/yaml.ts';
import type { FlagSpec, Given } from './given.ts';
import type { Context } from './context.ts';
import { CliError, during } from './failure.ts';
import { withSortedKeys } from './sorted-keys.ts';

/** Flags of every command that reads a template: variables and operations. */
export const templateFlags: readonly FlagSpec[] = [
  { name: 'var', short: 'v', value: 'VAR=VALUE', many: true, text: 'Set variable' },
  { name: 'var-file', value: 'VAR=PATH', many: true, text: 'Set variable to file contents' },
  { name: 'vars-file', short: 'l', value: 'PATH', many: true, text: 'Load variables from a YAML file' },
  {
    name: 'vars-env',
    value: 'PREFIX',
    many: true,
    text: 'Load variables from environment variables (e.g.: MY to load MY_var)',
  },
  { name: 'vars-store', value: 'PATH', text: 'Load/save variables from/to a YAML file' },
  { name: 'ops-file', short: 'o', value: 'PATH', many: true, text: 'Load manifest operations from a YAML file' },
];

/** A file with more is something else than a slip. */
const warningsMax = 10;

export interface TemplateOptions {
  readonly expectAll?: boolean;
  readonly expectUsed?: boolean;
}

/** A template with its operations applied, then its variables filled in. */
export async function evaluate(
  context: Context,
  path: string,
  given: Given,
  options: TemplateOptions = {},
): Promise<YamlValue> {
  return (await evaluateFile(context, path, given, options)).value;
}

async function evaluateFile(
  context: Context,
  path: string,
  given: Given,
  options: TemplateOptions = {},
): Promise<{ value: YamlValue; file: YamlDocument }> {
  const { readYaml } = await import('../manifests/yaml.ts');
  const file = readYaml(await fileText(context, path), path);
  warnOfRepeated(context, file, path);
  let document = file.value;
  if (given.list('ops-file').length > 0) {
    const { applyOps, parseOps } = await import('../manifests/ops.ts');
    for (const ops of given.list('ops-file'))
      document = applyOps(document, parseOps(readYaml(await fileText(context, ops), ops), ops), ops);
  }
  const { interpolate } = await import('../manifests/interpolate.ts');
  return { value: await interpolate(document, { sources: await sources(context, given), ...options }), file };
}

/** Who edits a long file may not see the line that makes theirs mean nothing. */
function warnOfRepeated({ ui }: Context, { repeated }: YamlDocument, path: string): void {
  for (const { key, line } of repeated.slice(0, warningsMax))
    ui.errorLine(`Warning: ${path}: "${key}" in line ${line} repeats a key of the same map, and takes its place`);
}

/** The same as text, as it is sent; `file`: what it was made of. */
export async function evaluateText(
  context: Context,
  path: string,
  given: Given,
  what: string,
): Promise<{ text: string; file: YamlDocument }> {
  const { writeYaml } = await import('../manifests/yaml.ts');
  const { value, file } = await during(`Evaluating ${what}`, evaluateFile(context, path, given));
  return { text: writeYaml(withSortedKeys(value)), file };
}

async function sources(context: Context, given: Given) {
  const { readYaml } = await import('../manifests/yaml.ts');
  const { staticVariables, variablesOf } = await import('../manifests/vars/source.ts');
  const varFiles = given.list('var-file').map(async (text) => {
    const [, name = '', path = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (name === '') throw new CliError(`Expected var '${text}' to be in format 'name=path'`);
    return { name, content: await fileText(context, path) };
  });
  const varsFiles = given.list('vars-file').map(async (path) => readYaml(await fileText(context, path), path));
  const flags = {
    vars: given.list('var'),
    varFiles: await Promise.all(varFiles),
    varsFiles: await Promise.all(varsFiles),
    varsEnvs: given.list('vars-env'),
  };
  const fixed = staticVariables(variablesOf(flags, context.env));
  const store = given.text('vars-store');
  if (store === '') return [fixed];
  const { varsStore } = await import('../manifests/vars/store.ts');
  return [fixed, varsStore(pathFrom(context, store), [fixed], () => new Date(context.clock.now()))];
}

/** `-` is what comes in on stdin. */
export async function fileText(context: Context, path: string): Promise<string> {
  if (path === '-') return textOfStream(process.stdin);
  try {
    return await readFile(pathFrom(context, path), 'utf8');
  } catch (error) {
    throw new CliError(`Opening file ${path}`, error);
  }
}

/** Paths are relative to where we were started; `~/` is the home directory, also where no shell has seen it. */
export function pathFrom({ cwd, env }: Pick<Context, 'cwd' | 'env'>, path: string): string {
  return path.startsWith('~/') ? resolve(env['HOME'] ?? cwd, path.slice(2)) : resolve(cwd, path);
}
