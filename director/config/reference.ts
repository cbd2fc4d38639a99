import type { Schema } from './read-section.ts';
import { directorConfigSchema } from './schema.ts';

/** docs/operators/configuration.md, from the schema: what is documented is what is read. */
export function renderConfigReference(): string {
  const root = directorConfigSchema as Schema;
  const lines = [
    '# Configuration of the director',
    '',
    '<!-- Made from director/config/schema.ts by scripts/render-config-reference.ts; change it there. -->',
    '',
    'The director reads one file, in YAML or JSON: the one given on its command line, else `$GANTRY_CONFIG`, else',
    '`director.yml` in the state directory. Everything has a default, so that it starts without a file. Unknown keys are',
    'errors. Relative paths are relative to the file; `~` is the home directory. A secret can be written as',
    '`{ env: NAME }`: it is then the value of that environment variable.',
    ...section('', root),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function section(path: string, schema: Schema): string[] {
  const rows: string[] = [];
  const below: string[] = [];
  for (const [key, inner] of Object.entries(schema.properties ?? {})) {
    const at = path === '' ? key : `${path}.${key}`;
    const nested = nestedOf(inner);
    if (nested.length > 0)
      below.push('', `## ${at}`, '', inner.description ?? '', ...nested.flatMap((one) => part(at, one)));
    else rows.push(row(key, inner, schema.required?.includes(key) ?? false));
  }
  const table = rows.length === 0 ? [] : ['', '| Key | Value | Default | Meaning |', '|---|---|---|---|', ...rows];
  return [...table, ...below];
}

/** What has a table of its own: a section, the alternatives of one, the items of a list of sections. */
function nestedOf(schema: Schema): readonly Schema[] {
  if (schema.anyOf !== undefined) return schema.anyOf;
  if (schema.type === 'object') return [schema];
  if (schema.items?.anyOf !== undefined) return schema.items.anyOf;
  return schema.items?.type === 'object' ? [schema.items] : [];
}

function part(path: string, schema: Schema): string[] {
  const kind = schema.properties?.['kind']?.const;
  const title = kind === undefined ? [] : ['', `### \`kind: ${kind}\``, '', schema.description ?? ''];
  return [...title, ...section(path, schema)];
}

function row(key: string, schema: Schema, required: boolean): string {
  const cells = [`\`${key}\``, valueOf(schema), defaultOf(schema, required), schema.description ?? ''];
  return `| ${cells.join(' | ')} |`;
}

function valueOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${one}\``).join(', ');
  if (schema.secret === true) return 'secret';
  if (schema.format === 'path') return 'path';
  if (schema.type === 'integer') return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'boolean') return '`true`, `false`';
  return schema.type === 'array' ? 'list of texts' : 'text';
}

function defaultOf(schema: Schema, required: boolean): string {
  if (schema.default !== undefined) return `\`${JSON.stringify(schema.default)}\``;
  if (schema.const !== undefined) return '';
  return required ? 'required' : 'none';
}
