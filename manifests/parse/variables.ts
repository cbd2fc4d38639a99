import { didYouMean } from '../../common/suggest.ts';
import { isMap } from '../value.ts';
import type { VariableDefinition, VariableLink } from '../variables.ts';
import { describe, type Section } from './section.ts';

/** BOSH's one number for whatever is wrong with `variables`. */
const badVariables = 560000;

const linkNames = ['alternative_name', 'common_name'] as const;

/** The `variables` of one document or several. Source: variables_parser.rb, links_parser.rb. */
export function parseVariables(roots: readonly Section[]): VariableDefinition[] {
  const seen = new Set<string>();
  return roots
    .flatMap((root) => root.optionalSections('variables', badVariables))
    .map((variable) => {
      variable.knows(['name', 'type', 'options', 'consumes', 'update_mode', 'update']);
      const name = nonEmpty(variable, 'name');
      if (name !== '' && seen.has(name)) {
        variable.fault('name', { message: `there is a variable "${name}" already`, boshCode: badVariables });
      }
      seen.add(name);
      const type = nonEmpty(variable, 'type');
      return {
        name,
        type,
        options: readMap(variable, 'options'),
        consumes: readLinks(variable, type),
        updateMode: readUpdateMode(variable),
        updateStrategy: readUpdateStrategy(variable),
      };
    });
}

function nonEmpty(variable: Section, key: string): string {
  const value = variable.raw(key);
  if (typeof value === 'string' && value.trim() !== '') return value;
  const is = value === undefined ? 'missing' : value === null || typeof value === 'string' ? 'empty' : 'no text';
  variable.fault(variable.has(key) ? key : null, {
    message: `the "${key}" of a variable is ${is}`,
    boshCode: badVariables,
  });
  return '';
}

/** Null counts as absent here, other than elsewhere. */
function readMap(variable: Section, key: string) {
  const value = variable.raw(key) ?? null;
  if (isMap(value)) return value;
  if (value !== null) {
    variable.fault(key, { message: `it must be a map, but it is ${describe(value)}`, boshCode: badVariables });
  }
  return {};
}

function readUpdateMode(variable: Section): string | null {
  const mode = variable.raw('update_mode') ?? null;
  if (mode === null || typeof mode === 'string') return mode;
  variable.fault('update_mode', { message: `it must be a text, but it is ${describe(mode)}`, boshCode: badVariables });
  return null;
}

function readUpdateStrategy(variable: Section): VariableDefinition['updateStrategy'] {
  const update = variable.raw('update');
  if (!isMap(update) || update['strategy'] === undefined) return 'on-deploy';
  const strategies = ['on-deploy', 'on-stemcell-change'] as const;
  const strategy = strategies.find((known) => known === update['strategy']);
  if (strategy !== undefined) return strategy;
  const given = describe(update['strategy']);
  variable.warn('update', { message: `${given} is no strategy (${strategies.join(', ')}); on-deploy is what happens` });
  return 'on-deploy';
}

function readLinks(variable: Section, type: string): VariableLink[] {
  const links = Object.entries(readMap(variable, 'consumes'));
  const [first] = links;
  if (first === undefined) return [];
  if (type !== 'certificate') {
    variable.fault('consumes', { message: `only a certificate consumes links, and this is a "${type}"` });
    return [];
  }
  return links.flatMap(([key, value]) => {
    const name = linkNames.find((known) => known === key);
    if (name === undefined) {
      const message = `a certificate has no "${key}" that a link could fill: ${linkNames.join(', ')}`;
      variable.fault('consumes', { message, ...didYouMean(key, linkNames) });
      return [];
    }
    const link = variable.below(['consumes', key], isMap(value) ? value : {});
    link.knows(['from', 'deployment', 'properties', 'link_type']);
    return [
      {
        name,
        from: link.optionalText('from') ?? name,
        deployment: link.optionalText('deployment'),
        linkType: link.optionalText('link_type') ?? 'address',
        wildcard: link.freeMap('properties')['wildcard'] === true,
      },
    ];
  });
}
