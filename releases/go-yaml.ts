import { stringify } from 'yaml';

/**
 * YAML in the looks of the bosh CLI's own files (Go's yaml.v2): lists not indented, text quoted wherever any reader
 * could take it for something else. The files are kept in git, and shall not change their looks with the tool.
 */
export function goYaml(value: unknown): string {
  return stringify(value, {
    version: '1.1', // Go reads `yes`, `1:30` and `0o7` as such
    indentSeq: false,
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}
