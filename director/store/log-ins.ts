/** That a user gave a password to a client once: refresh tokens stand for it until it ends. */
export interface LogIn {
  id: string;
  user: string;
  /** Which source of users knew the password. */
  source: string;
  client: string;
  /** What was asked for; null: all that the user has, whatever that is at the time. */
  scopes: readonly string[] | null;
  createdAtMs: number;
  expiresAtMs: number;
}

/** How a refresh token was found. `used`: when it was given in first. */
export interface FoundToken {
  logIn: LogIn;
  usedAtMs: number | null;
}

/** Log-ins and their refresh tokens, of which only hashes are kept. */
export interface LogIns {
  create(logIn: LogIn, tokenHash: string): Promise<void>;
  find(tokenHash: string): Promise<FoundToken | undefined>;
  /**
   * Marks a token as used, unless it was before, and gives its log-in another one. Of a log-in only the newest
   * `tokensOfLogInMax` tokens are kept. False: the log-in has ended meanwhile.
   */
  rotate(of: { logIn: string; from: string; to: string; nowMs: number }): Promise<boolean>;
  end(logIn: string): Promise<void>;
  /** Returns how many there were. */
  endOf(user: string): Promise<number>;
  /** Forgets what has expired. */
  prune(nowMs: number): Promise<void>;
}

/** A client that asks for a token over and over shall not fill the database. */
export const tokensOfLogInMax = 300;
