/** Arguments of the task `cck_scan`. */
export interface ScanArgs {
  deployment: string;
}

/** Arguments of the task `cck_apply`. */
export interface ApplyResolutionsArgs {
  deployment: string;
  /** By the problem's id; null: what the kind of problem has for it. */
  resolutions: Readonly<Record<string, string | null>>;
  /** By instance group: a number or a percentage. */
  maxInFlightOverrides: Readonly<Record<string, string>>;
}

/** Arguments of the task `cck_scan_and_fix`. */
export interface ScanAndFixArgs {
  deployment: string;
  /** By instance group: indexes or ids. */
  jobs: Readonly<Record<string, readonly string[]>>;
}
