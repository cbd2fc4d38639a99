import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { OperatorError } from '../../common/errors.ts';
import { startFromFile, type RunningDirector } from '../../director/main.ts';
import { shellWord } from '../shell-word.ts';

export interface StandOptions {
  /** The gantry program itself, to run its own commands with. */
  program: string;
  out: (line: string) => void;
  color: boolean;
  /** False once the terminal is gone: whatever writes to it then is ended by that. */
  seen: () => boolean;
}

export const configFile = 'director.yml';
/** A deploy that was cancelled ends after its present step. */
const cancelWaitMs = 120_000;

/** A director in a directory of its own, and commands for it. Its machines outlive it, so it has to be taken down. */
export class Stand {
  readonly home: string;
  readonly director: RunningDirector;
  readonly #options: StandOptions;
  readonly #env: Record<string, string>;
  readonly #stopping = new AbortController();
  #command: ChildProcess | undefined;

  private constructor(home: string, director: RunningDirector, env: Record<string, string>, options: StandOptions) {
    this.home = home;
    this.director = director;
    this.#env = env;
    this.#options = options;
    process.once('exit', () => this.#command?.kill('SIGKILL'));
  }

  /** @param home where its config file is */
  static async start(home: string, options: StandOptions): Promise<Stand> {
    const director = await startFromFile(join(home, configFile), { logFile: join(home, 'director.log') });
    try {
      const ca = join(home, 'ca.pem');
      await writeFile(ca, director.caCertificate);
      const secret = (await readFile(join(home, 'state', 'admin-password'), 'utf8')).trim();
      const env = {
        BOSH_ENVIRONMENT: director.url,
        BOSH_CLIENT: 'admin',
        BOSH_CLIENT_SECRET: secret,
        BOSH_CA_CERT: ca,
      };
      const stand = new Stand(home, director, env, options);
      await stand.#writeTheWay();
      return stand;
    } catch (thrown) {
      await director.stop();
      throw thrown;
    }
  }

  /** For another terminal: points `bosh` and `gantry` at it, and has `gantry`. */
  get envFile(): string {
    return join(this.home, 'env.sh');
  }

  async #writeTheWay(): Promise<void> {
    const bin = join(this.home, 'bin');
    await mkdir(bin, { recursive: true });
    const command = [process.execPath, resolve(this.#options.program)].map(shellWord).join(' ');
    await writeFile(join(bin, 'gantry'), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    const lines = Object.entries(this.#env).map(([name, value]) => `export ${name}=${shellWord(value)}\n`);
    await writeFile(this.envFile, `${lines.join('')}export PATH=${shellWord(bin)}:"$PATH"\n`, { mode: 0o600 });
  }

  /** Aborted by `stop`, with its reason. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** No command runs any more but those of `takeDown`. What the director does goes on. */
  stop(reason: Error): void {
    this.#stopping.abort(reason);
    this.#command?.kill('SIGKILL');
  }

  /** Runs a command as an operator would type it, and shows it. @throws the reason of `stop` */
  async gantry(...args: string[]): Promise<void> {
    this.stopping.throwIfAborted();
    await this.#run(args);
  }

  async #run(args: readonly string[]): Promise<void> {
    const { program, out, color, seen } = this.#options;
    out(pc.createColors(color).bold(`\n$ gantry ${args.join(' ')}`));
    const command = spawn(process.execPath, [program, '--tty', ...args], {
      stdio: seen() ? ['ignore', 'inherit', 'inherit'] : 'ignore',
      env: { ...process.env, ...this.#env },
      detached: true, // Ctrl-C is for us, who know what goes with it
    });
    this.#command = command;
    const code = await new Promise<number | null>((resolve, reject) => {
      command.once('error', reject);
      command.once('exit', resolve);
    });
    this.#command = undefined;
    if (code === 0) return;
    throw new OperatorError(`\`gantry ${args.join(' ')}\` ended with ${code ?? 'a signal'}`, {
      code: 'quickstart-step-failed',
      hint: 'What it printed tells why; the log of the director and those of the jobs are beside its state.',
    });
  }

  /**
   * Everything that is deployed, whoever has deployed it, and then the director.
   * @param forced when something may be under way or half made
   */
  async takeDown({ forced }: { forced: boolean }): Promise<void> {
    try {
      if (forced) await this.#cancelAll();
      for (const name of await this.director.deployments()) {
        await this.#run(['-n', '-d', name, 'delete-deployment', ...(forced ? ['--force'] : [])]);
      }
      if (forced) await this.#run(['-n', 'clean-up', '--all']);
    } finally {
      await this.director.stop();
    }
  }

  /** A deploy that has only begun may yet record that there is a deployment. */
  async #cancelAll(): Promise<void> {
    await this.#run(['cancel-tasks', '--state=queued', '--state=processing']);
    const deadlineMs = performance.now() + cancelWaitMs;
    while ((await this.director.tasksUnderWay()) > 0 && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** What the jobs of process machines have written goes with their machines: this leaves it beside the director's log. */
  async keepLogs(): Promise<void> {
    const [machines, kept] = [join(this.home, 'state/infrastructure/machines/vms'), join(this.home, 'logs')];
    await mkdir(kept, { recursive: true });
    for (const vm of await readdir(machines).catch(() => [])) {
      await cp(join(machines, vm, 'vcap/data/sys/log'), join(kept, vm), { recursive: true }).catch(() => {}); // it has none yet
    }
  }

  async remove(): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}
