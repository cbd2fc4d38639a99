import type { Addon } from './addon.ts';
import type { ReleaseReference } from './deployment-manifest.ts';
import type { VariableDefinition } from './variables.ts';

/** One or several runtime configs, one after the other: what every deployment gets besides its own manifest. */
export interface RuntimeConfig {
  releases: readonly ReleaseReference[];
  addons: readonly Addon[];
  variables: readonly VariableDefinition[];
  tags: Readonly<Record<string, string>>;
}
