const statuses = {
  invalid_request: 400,
  invalid_scope: 400,
  unsupported_grant_type: 400,
  invalid_token: 401,
  invalid_client: 401,
  unauthorized: 401,
} as const;

/** What a token endpoint answers instead of a token: RFC 6749, 5.2, with UAA's words and statuses. */
export class GrantRefused extends Error {
  readonly error: keyof typeof statuses;
  readonly status: number;

  constructor(error: keyof typeof statuses, description: string) {
    super(description);
    this.name = 'GrantRefused';
    this.error = error;
    this.status = statuses[error];
  }
}
