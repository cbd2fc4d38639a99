/**
 * The data on simulated persistent disks: jobs leave a mark at each start, and what a disk has to show after a migration
 * are the marks of the one before it. Disks outlive machines, so they are kept here, but not longer than the process.
 */
export class DiskMarks {
  readonly #marks = new Map<string, number[]>();
  #next = 1;

  write(diskCid: string): void {
    this.#marks.set(diskCid, [...this.on(diskCid), this.#next++]);
  }

  /** What is on the destination and not on the source stays, as with files. */
  copy(from: string, to: string): void {
    const both = new Set([...this.on(from), ...this.on(to)]);
    this.#marks.set(
      to,
      [...both].sort((a, b) => a - b),
    );
  }

  on(diskCid: string): readonly number[] {
    return this.#marks.get(diskCid) ?? [];
  }

  /** Every mark that was ever written on a disk which is still there. */
  all(): Set<number> {
    return new Set([...this.#marks.values()].flat());
  }

  forget(diskCid: string): void {
    this.#marks.delete(diskCid);
  }
}
