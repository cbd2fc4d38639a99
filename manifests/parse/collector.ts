import { InvalidManifest, type Draft, type ManifestFault, type Parsed } from '../fault.ts';
import type { YamlDocument } from '../yaml.ts';
import type { YamlPath } from '../yaml/lines.ts';

/** A fault at a place; the line and the text of the path are found when it is reported. */
export interface Found {
  message: string;
  boshCode?: number | undefined;
  suggestion?: string | undefined;
}

/**
 * Gathers what is wrong with one input, so that its author sees all of it at once. Parsing goes on after a fault,
 * with an empty value in the place of the bad one.
 */
export class Collector {
  readonly #what: string;
  readonly #code: string;
  readonly #faults: ManifestFault[] = [];
  readonly #warnings: ManifestFault[] = [];
  #whole = true;

  /** @param what names the input in the message: `manifest "web"` @param code of the error that is thrown */
  constructor(what: string, code: string) {
    this.#what = what;
    this.#code = code;
  }

  fault(document: YamlDocument, path: YamlPath, found: Found): void {
    this.#faults.push(locate(document, path, found));
  }

  warn(document: YamlDocument, path: YamlPath, found: Found): void {
    this.#warnings.push(locate(document, path, found));
  }

  /** An entry of a list could not be read, and the others have moved up. */
  leftOut(): void {
    this.#whole = false;
  }

  /** What could be read, and beside it what could not. */
  drafted<T>(value: T): Draft<T> {
    const warnings = this.#warnings;
    const invalid = new InvalidManifest(this.#what, this.#faults, { code: this.#code, warnings });
    return this.#faults.length === 0
      ? { value, warnings, invalid: undefined }
      : { value: this.#whole ? value : undefined, warnings, invalid };
  }

  /** The value, unless there were faults. @throws InvalidManifest with every one of them */
  finish<T>(value: T): Parsed<T> {
    return parsedOf(this.drafted(value));
  }
}

/** @throws InvalidManifest unless there is nothing wrong with it */
export function parsedOf<T>({ value, warnings, invalid }: Draft<T>): Parsed<T> {
  if (invalid !== undefined) throw invalid;
  return { value, warnings };
}

function locate(document: YamlDocument, path: YamlPath, { message, boshCode, suggestion }: Found): ManifestFault {
  const line = document.lineOf(path);
  return {
    path: path.join('.'),
    message,
    ...(line === undefined ? {} : { line }),
    ...(suggestion === undefined ? {} : { suggestion }),
    ...(boshCode === undefined ? {} : { boshCode }),
  };
}
