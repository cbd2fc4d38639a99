import { Fd, wasi } from '@bjorn3/browser_wasi_shim';

/** Errors of WASI that the shim's types leave as numbers. */
const { ERRNO_BADF, ERRNO_SUCCESS, FILETYPE_CHARACTER_DEVICE } = wasi;

/** What all of ours are: neither a file nor a directory, and not to be mistaken for one. */
abstract class Pipe extends Fd {
  override fd_fdstat_get() {
    const fdstat = new wasi.Fdstat(FILETYPE_CHARACTER_DEVICE, 0);
    fdstat.fs_rights_base = BigInt(wasi.RIGHTS_FD_READ | wasi.RIGHTS_FD_WRITE);
    return { ret: ERRNO_SUCCESS, fdstat };
  }

  /** Not a directory opened beforehand: libc asks this of every descriptor from 3 on, and stops here. */
  override fd_prestat_get() {
    return { ret: ERRNO_BADF, prestat: null };
  }
}

/** Gives the program one request at a time; between them, end of file. */
export class Inlet extends Pipe {
  #bytes = new Uint8Array();

  fill(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
  }

  override fd_read(size: number) {
    const data = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(data.length);
    return { ret: ERRNO_SUCCESS, data };
  }
}

/** Hands on what the program writes, at once. `bytes` is the callee's to keep. */
export class Outlet extends Pipe {
  readonly #take: (bytes: Uint8Array<ArrayBuffer>) => void;

  constructor(take: (bytes: Uint8Array<ArrayBuffer>) => void) {
    super();
    this.#take = take;
  }

  override fd_write(data: Uint8Array) {
    this.#take(Uint8Array.from(data));
    return { ret: ERRNO_SUCCESS, nwritten: data.length };
  }
}
