import { messageOf } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import { parseResurrectionConfig } from '../../manifests/parse/small-configs.ts';
import type { ResurrectionRule } from '../../manifests/small-configs.ts';
import { isMap, type YamlValue } from '../../manifests/value.ts';
import { documentOf, readYaml } from '../../manifests/yaml.ts';
import type { Config, Configs } from '../store/configs.ts';

/** The rules of all current configs of type `resurrection`, read again only when one of them is another. */
export class ResurrectionRules {
  readonly #configs: Pick<Configs, 'currentOf'>;
  readonly #log: Log;
  #read: { ids: string; rules: readonly ResurrectionRule[] } = { ids: '', rules: [] };

  constructor(configs: Pick<Configs, 'currentOf'>, log: Log) {
    this.#configs = configs;
    this.#log = log;
  }

  async current(): Promise<readonly ResurrectionRule[]> {
    const configs = await this.#configs.currentOf('resurrection', 'all');
    const ids = configs.map(({ id }) => id).join();
    if (ids !== this.#read.ids) this.#read = { ids, rules: configs.flatMap((config) => this.#rulesOf(config)) };
    return this.#read.rules;
  }

  /** One that is wrong keeps the others from nothing: they may be there to forbid. */
  #rulesOf({ name, content }: Config): ResurrectionRule[] {
    try {
      const { value } = readYaml(content, name);
      const rules = isMap(value) ? value['rules'] : undefined;
      return (Array.isArray(rules) ? rules : []).flatMap((rule) => this.#ruleOf(rule, name));
    } catch (thrown) {
      this.#log.error('resurrection-config-unreadable', { name, error: messageOf(thrown) });
      return [];
    }
  }

  #ruleOf(rule: YamlValue, name: string): readonly ResurrectionRule[] {
    try {
      return parseResurrectionConfig(documentOf({ rules: [rule] })).value.rules;
    } catch (thrown) {
      this.#log.error('resurrection-rule-invalid', { name, error: messageOf(thrown) });
      return [];
    }
  }
}
