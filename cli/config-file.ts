import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isMap, type YamlMap, type YamlValue } from '../manifests/value.ts';
import { CliError } from './failure.ts';
import type { Tokens } from './uaa.ts';

/** One environment of the file, in its own words; keys that we don't know stay. */
export interface Environment extends YamlMap {
  url: string;
}

/**
 * `~/.bosh/config`: environments with their alias, CA certificate and credentials; shared with the bosh CLI.
 * Source: bosh-cli `cmd/config/fs_config.go`.
 */
export class ConfigFile {
  readonly #path: string;
  readonly #document: YamlMap;

  private constructor(path: string, document: YamlMap) {
    this.#path = path;
    this.#document = document;
  }

  static async read(path: string): Promise<ConfigFile> {
    const full = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
    const text = await readFile(full, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw new CliError(`Reading config '${full}'`, error);
    });
    if (text === '') return new ConfigFile(full, {});
    const { readYaml } = await import('../manifests/yaml.ts');
    const { value } = readYaml(text, full);
    return new ConfigFile(full, isMap(value) ? value : {});
  }

  environments(): Environment[] {
    const list = this.#document['environments'];
    return Array.isArray(list)
      ? list.filter((each): each is Environment => isMap(each) && typeof each['url'] === 'string')
      : [];
  }

  /** The URL that an alias stands for; anything else is a URL itself. */
  resolve(urlOrAlias: string): string {
    return this.environments().find(({ alias }) => alias === urlOrAlias)?.url ?? urlOrAlias;
  }

  find(url: string): Environment | undefined {
    const resolved = this.resolve(url);
    return this.environments().find((each) => each.url === resolved);
  }

  alias(url: string, alias: string, caCert: string): ConfigFile {
    if (url === '') throw new CliError('Expected non-empty environment URL');
    if (alias === '') throw new CliError('Expected non-empty environment alias');
    const others = this.environments().map((each) => (each['alias'] === alias ? without(each, ['alias']) : each));
    return this.#with(
      changed(others, url, (each) => ({ ...each, alias, ...(caCert === '' ? {} : { ca_cert: caCert }) })),
    );
  }

  unalias(alias: string): ConfigFile {
    if (!this.environments().some((each) => each['alias'] === alias))
      throw new CliError(`Failed to find environment '${alias}'`);
    return this.#with(this.environments().map((each) => (each['alias'] === alias ? without(each, ['alias']) : each)));
  }

  withCredentials(url: string, credentials: { username: string; password: string }): ConfigFile {
    return this.#withSecrets(url, credentials);
  }

  /** Of the user who logged in, until now. */
  tokens(url: string): Tokens {
    const stored = this.find(url);
    const text = (key: string) => (typeof stored?.[key] === 'string' ? stored[key] : '');
    return { accessToken: text('access_token'), type: text('access_token_type'), refreshToken: text('refresh_token') };
  }

  withTokens(url: string, { accessToken, type, refreshToken }: Tokens): ConfigFile {
    return this.#withSecrets(url, {
      access_token_type: type,
      access_token: accessToken,
      ...(refreshToken === '' ? {} : { refresh_token: refreshToken }),
    });
  }

  withoutCredentials(url: string): ConfigFile {
    return this.#withSecrets(url, {});
  }

  /** Readable for its owner alone: it holds passwords. */
  async save(): Promise<void> {
    const { writeYaml } = await import('../manifests/yaml.ts');
    await mkdir(dirname(this.#path), { recursive: true });
    const half = `${this.#path}.${process.pid}`;
    try {
      await writeFile(half, writeYaml(this.#document), { mode: 0o600 });
      await rename(half, this.#path);
    } finally {
      await rm(half, { force: true });
    }
  }

  /** In place of what was there: somebody logs in as a user or as another one. */
  #withSecrets(url: string, secrets: YamlMap): ConfigFile {
    const change = (each: Environment) => ({ ...without(each, secretKeys), ...secrets }) as Environment; // url stays
    return this.#with(changed(this.environments(), this.resolve(url), change));
  }

  #with(environments: readonly Environment[]): ConfigFile {
    return new ConfigFile(this.#path, { ...this.#document, environments: [...environments] });
  }
}

const secretKeys = ['username', 'password', 'access_token', 'access_token_type', 'refresh_token'];

function changed(
  environments: readonly Environment[],
  url: string,
  change: (environment: Environment) => Environment,
): Environment[] {
  if (!environments.some((each) => each.url === url)) return [...environments, change({ url })];
  return environments.map((each) => (each.url === url ? change(each) : each));
}

function without(environment: Environment, keys: readonly string[]): Environment {
  const kept = Object.entries(environment).filter(([key]) => !keys.includes(key));
  return Object.fromEntries<YamlValue>(kept) as Environment; // url is never among the keys
}
