import { parseVersion } from '../common/version.ts';
import { CliError } from './failure.ts';

/** `NAME/VERSION`, of a release, a stemcell or an operating system. */
export function nameAndVersion(slug: string, form = 'name/version'): { name: string; version: string } {
  const [name = '', version = '', ...rest] = slug.split('/');
  if (rest.length > 0 || !slug.includes('/')) throw new CliError(`Expected '${slug}' to be in format '${form}'`);
  if (name === '') throw new CliError(`Expected '${slug}' to specify non-empty name`);
  if (version === '') throw new CliError(`Expected '${slug}' to specify non-empty version`);
  return { name, version };
}

/** `GROUP[/ID]`; empty: all groups. */
export function groupAndInstance(slug: string): { group: string; instance: string } {
  const [group = '', instance = '', ...rest] = slug.split('/');
  if (rest.length > 0) throw new CliError(`Expected instance '${slug}' to be in format 'name' or 'name/id-or-index'`);
  if (slug !== '' && group === '') throw new CliError(`Expected instance '${slug}' to specify non-empty name`);
  if (slug.includes('/') && instance === '')
    throw new CliError(`Expected instance '${slug}' to specify non-empty ID or index`);
  return { group, instance };
}

/** `GROUP/ID`, of one instance. */
export function oneInstance(slug: string): { group: string; instance: string } {
  const [group = '', instance = '', ...rest] = slug.split('/');
  if (rest.length > 0 || !slug.includes('/'))
    throw new CliError(`Expected instance '${slug}' to be in format 'name/index-or-id'`);
  if (group === '') throw new CliError(`Expected instance '${slug}' to specify non-empty name`);
  if (instance === '') throw new CliError(`Expected instance '${slug}' to specify non-empty index or ID`);
  return { group, instance };
}

/** As versions are compared and shown; what can't be read as one makes a listing fail. */
export function shownVersion(version: string, of: string): string {
  const parsed = parseVersion(version);
  if (parsed !== undefined) return parsed.text;
  throw new CliError(
    `Parsing version for ${of}`,
    new CliError(`Expected version '${version}' to match version format`),
  );
}

export function taskId(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CliError(`invalid argument for flag \`ID' (expected int): "${text}"`);
}
