import type { Info } from '../director/api/contract/info.ts';
import { paths } from '../director/api/contract/paths.ts';
import type { Task } from '../director/api/contract/tasks.ts';
import type { Clock } from '../common/clock.ts';
import type { Credentials, TokenKeeping } from './authorization.ts';
import { ConfigFile } from './config-file.ts';
import { type Call, DirectorClient } from './director-client.ts';
import { CliError, during } from './failure.ts';
import { followTask, goesOn, runTask, taskOutput, type FollowOptions } from './follow-task.ts';
import { caCertificate, type Globals } from './globals.ts';
import { type LineOf, OwnLinesReporter } from './own-lines.ts';
import { HeartbeatReporter } from './ui/heartbeat-reporter.ts';
import { LiveReporter } from './ui/live-reporter.ts';
import { EventReporter, QuietReporter, type TaskReporter } from './ui/task-reporter.ts';
import { tokenInfo, Uaa } from './uaa.ts';
import type { Ui } from './ui/ui.ts';

export interface SessionDeps {
  readonly globals: Globals;
  readonly ui: Ui;
  readonly clock: Clock;
  /** Calls `leave` when the operator presses Ctrl-C, and ends then; what it gives takes that back. */
  readonly onInterrupt: (leave: () => void) => () => void;
}

export interface RunOptions {
  readonly quiet?: boolean;
  readonly lineOf?: LineOf;
  readonly heartbeatMs?: number;
}

/** One director as one user. Flags and environment variables win over the config file. */
export class Session {
  readonly #deps: SessionDeps;
  readonly #reporter: TaskReporter;
  #config: ConfigFile | undefined;
  #connected: Promise<DirectorClient> | undefined;
  #open: DirectorClient[] = [];
  readonly #closing = new AbortController();

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#reporter = deps.ui.live ? new LiveReporter(deps) : new EventReporter(deps.ui);
  }

  async config(): Promise<ConfigFile> {
    this.#config ??= await ConfigFile.read(this.#deps.globals.config);
    return this.#config;
  }

  /** From now on with this file; a director that was connected to before is forgotten. */
  useConfig(config: ConfigFile): void {
    this.#config = config;
    this.#connected = undefined;
  }

  /** Its URL. */
  async environment(): Promise<string> {
    return (await this.config()).resolve(this.#deps.globals.environment);
  }

  async credentials(): Promise<Credentials> {
    const { client, clientSecret } = this.#deps.globals;
    const [config, environment] = [await this.config(), await this.environment()];
    const tokens = config.tokens(environment);
    if (client !== '') return { client, secret: clientSecret, tokens };
    const stored = config.find(environment);
    const text = (key: string) => (typeof stored?.[key] === 'string' ? stored[key] : '');
    return { client: text('username'), secret: text('password'), tokens };
  }

  /** Where the director's users get their tokens. @throws CliError where its `/info` names none */
  async uaa(): Promise<Uaa> {
    const { url } = (await this.info()).user_authentication.options;
    const { client, secret } = await this.credentials();
    return new Uaa({ url, client, secret, caCert: await this.#caCert(), signal: this.#closing.signal });
  }

  /** The director, with "Using environment" said before the first call. */
  director(): Promise<DirectorClient> {
    this.#connected ??= this.#connect();
    return this.#connected;
  }

  /** Of `-d`; said for those commands that act on one. */
  async deployment({ quiet = false } = {}): Promise<string> {
    const client = await this.director();
    const { deployment } = this.#deps.globals;
    if (deployment === '') throw new CliError('Expected non-empty deployment name');
    void client;
    if (!quiet) this.#deps.ui.line(`Using deployment '${deployment}'`);
    return deployment;
  }

  /**
   * Starts a task, shows it, and gives its result output.
   * @param options `quiet`: only warnings are shown, or all of it when it fails; `lineOf`: where in the operator's file
   *   that is; `heartbeatMs`: how often it is told that it goes on
   */
  async run(call: Call, options: RunOptions = {}): Promise<string> {
    const { id } = await this.ended(call, options);
    return taskOutput(await this.director(), id, 'result');
  }

  /** The same, and gives the task as it ended. */
  async ended(call: Call, { quiet = false, lineOf, heartbeatMs: everyMs }: RunOptions = {}): Promise<Task> {
    const { ui, clock } = this.#deps;
    const located = lineOf === undefined ? this.#reporter : new OwnLinesReporter(this.#reporter, lineOf);
    const shown = quiet ? new QuietReporter(located, ui) : located;
    const reporter = everyMs === undefined ? shown : new HeartbeatReporter(shown, { ui, clock, everyMs });
    return runTask(call, await this.#how(reporter));
  }

  async follow(id: number): Promise<void> {
    await followTask(id, 'event', await this.#how(this.#reporter));
  }

  async #how(reporter: TaskReporter): Promise<FollowOptions> {
    const { clock, ui, onInterrupt } = this.#deps;
    const following = (id: number) =>
      onInterrupt(() => {
        ui.status([]);
        ui.line(`${goesOn(id)} \`gantry cancel-task ${id}\` ends it.`);
      });
    return { client: await this.director(), reporter, clock, following };
  }

  /** Who the director is, whoever we are. */
  async info(): Promise<Info> {
    const client = await this.#client(() => Promise.resolve(undefined));
    return during('Fetching info', client.get<Info>(paths.info));
  }

  close(): void {
    this.#closing.abort();
    for (const client of this.#open.splice(0)) client.close();
  }

  async #connect(): Promise<DirectorClient> {
    const info = await this.info();
    const credentials = await this.credentials();
    const { basicAuthorization, tokenAuthorization } = await import('./authorization.ts');
    const authorization =
      info.user_authentication.type === 'uaa'
        ? tokenAuthorization(await this.uaa(), credentials, await this.#tokenKeeping())
        : basicAuthorization(credentials);
    this.#deps.ui.line(`Using environment '${await this.environment()}' as ${described(credentials)}`);
    return this.#client(authorization);
  }

  async #tokenKeeping(): Promise<TokenKeeping> {
    const environment = await this.environment();
    const read = () => ConfigFile.read(this.#deps.globals.config);
    return {
      now: () => this.#deps.clock.now(),
      load: async () => (await read()).tokens(environment),
      // onto what is there now: other programs write it too
      save: async (tokens) => (await read()).withTokens(environment, tokens).save(),
    };
  }

  async #client(authorization: (fresh: boolean) => Promise<string | undefined>): Promise<DirectorClient> {
    const { clock } = this.#deps;
    const environment = await this.environment();
    const client = new DirectorClient({ environment, caCert: await this.#caCert(), authorization, clock });
    this.#open.push(client);
    return client;
  }

  async #caCert(): Promise<string> {
    const given = await caCertificate(this.#deps.globals.caCert);
    if (given !== '') return given;
    const stored = (await this.config()).find(await this.environment())?.['ca_cert'];
    return typeof stored === 'string' ? stored : '';
  }
}

function described({ client, tokens: { refreshToken } }: Credentials): string {
  if (refreshToken !== '') {
    const { user, scopes } = tokenInfo(refreshToken) ?? { user: '?', scopes: [] };
    return `user '${user}'${scopes.length === 0 ? '' : ` (${scopes.join(', ')})`}`;
  }
  return client === '' ? 'anonymous user' : `client '${client}'`;
}
