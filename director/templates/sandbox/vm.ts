import { WASI } from '@bjorn3/browser_wasi_shim';
import { RubyVM } from '@ruby/wasm-wasi';
import { Inlet, Outlet } from './pipes.ts';

/**
 * One CRuby in WebAssembly, closed on all sides. It has no directory, no environment, no argument, no socket; the
 * bridge that lets Ruby call JavaScript is cut; what it can touch is three descriptors, which Ruby's own library
 * takes for standard input, output and error and seal.rb hides from templates. Its memory is limited
 * by the module (wasm-sections.ts), its time by whoever runs the thread.
 *
 * INVARIANTS
 * - Between two calls nothing of a call is left on the WebAssembly stack, so its memory is a complete snapshot.
 * - After a call that threw, the VM is broken and is asked nothing more.
 */
export class SealedRuby {
  readonly memory: WebAssembly.Memory;
  readonly #vm: RubyVM;
  readonly #requests: Inlet;

  private constructor(vm: RubyVM, memory: WebAssembly.Memory, requests: Inlet) {
    this.#vm = vm;
    this.memory = memory;
    this.#requests = requests;
  }

  /** Starts Ruby from nothing, and runs `programs` in it: about a second. */
  static async boot(module: WebAssembly.Module, programs: readonly string[], outlets: Outlets): Promise<SealedRuby> {
    const { ruby, wasi, instance } = await SealedRuby.#instantiate(module, outlets);
    wasi.initialize(instance);
    // A file of its own (-e) keeps Ruby from reading a program on standard input.
    ruby.#vm.guest.rubyInit(['ruby', '--disable-gems', '-EUTF-8', '-e_=0'].map((arg) => `${arg}\0`));
    for (const program of programs) ruby.#vm.eval(program); // throws with Ruby's own message
    return ruby;
  }

  /**
   * An instance whose memory the caller fills from a snapshot, before anything else, and then calls `awake`.
   * @param module without data
   */
  static async asleep(module: WebAssembly.Module, outlets: Outlets): Promise<SealedRuby> {
    const { ruby, wasi, instance } = await SealedRuby.#instantiate(module, outlets);
    wasi.inst = instance;
    return ruby;
  }

  /** A snapshot holds the state of the random generator; no two VMs may draw the same numbers. */
  awake(): void {
    this.#eval('srand; Random.new_seed');
  }

  /** Answers go to the outlets while this runs. @throws whatever broke the VM */
  serve(request: Uint8Array<ArrayBuffer>): void {
    this.#requests.fill(request);
    this.#eval('GANTRY_JOB_SERVER.serve_one');
  }

  static async #instantiate(module: WebAssembly.Module, outlets: Outlets) {
    const requests = new Inlet();
    const wasi = new WASI([], [], [requests, new Outlet(outlets.answer), new Outlet(outlets.progress)], {
      debug: false,
    });
    const vm = new RubyVM();
    const imports: WebAssembly.Imports = { wasi_snapshot_preview1: wasi.wasiImport };
    vm.addToImports(imports);
    cutBridge(imports);
    const instance = await WebAssembly.instantiate(module, imports);
    await vm.setInstance(instance);
    const exports = instance.exports as WasiExports; // what a WASI reactor has to export
    const ruby = new SealedRuby(vm, exports.memory, requests);
    return { ruby, wasi, instance: { exports } };
  }

  /** By the lowest call there is: each value that crosses otherwise leaves a handle behind. */
  #eval(program: string): void {
    const [value, status] = this.#vm.guest.rbEvalStringProtect(`${program}\0`);
    (value as unknown as { drop(): void }).drop(); // a resource of the ABI, whose type says nothing of it
    if (status !== 0) throw new Error(`Ruby ended a call with status ${status}`);
  }
}

export interface Outlets {
  readonly answer: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly progress: (bytes: Uint8Array<ArrayBuffer>) => void;
}

type WasiExports = { memory: WebAssembly.Memory; _initialize(): unknown; _start(): unknown };

/**
 * With it a template reaches `process.env` and can start programs: `JS.eval` runs in this very thread.
 * One import stays, by which Ruby itself reports that it was called at a wrong moment.
 */
function cutBridge(imports: WebAssembly.Imports): void {
  const bridge = imports['rb-js-abi-host'] ?? {};
  for (const name of Object.keys(bridge)) {
    if (name === 'rb_wasm_throw_prohibit_rewind_exception') continue;
    bridge[name] = () => {
      throw new Error(`a template called JavaScript (${name.split(':', 1)[0]})`);
    };
  }
}
