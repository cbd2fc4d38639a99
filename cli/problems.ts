import type { Problem, ResolutionsRequest } from '../director/api/contract/problems.ts';
import { mediaTypes, paths } from '../director/api/contract/paths.ts';
import type { Context } from './context.ts';
import { fetching } from './director-client.ts';
import { during } from './failure.ts';

const json = { 'content-type': mediaTypes.json };

/** By the problem's id; null: what the director has for it. */
export type Answers = ReadonlyMap<number, string | null>;

/** Has the deployment looked at, and gives what was found. */
export async function scanForProblems({ session }: Context): Promise<Problem[]> {
  const client = await session.director();
  const deployment = await session.deployment();
  await during(
    `Performing a scan on deployment '${deployment}'`,
    session.run({ method: 'POST', path: paths.scans(deployment), headers: json, body: '' }),
  );
  return fetching<Problem[]>(client, `Listing problems for deployment '${deployment}'`, paths.problems(deployment));
}

export async function resolveProblems(
  { session }: Context,
  answers: Answers,
  maxInFlightOverrides: Readonly<Record<string, string>> = {},
): Promise<void> {
  const deployment = await session.deployment({ quiet: true });
  const request: ResolutionsRequest = {
    resolutions: Object.fromEntries(answers),
    ...(Object.keys(maxInFlightOverrides).length === 0 ? {} : { max_in_flight_overrides: maxInFlightOverrides }),
  };
  await during(
    `Resolving problems for deployment '${deployment}'`,
    session.run({
      method: 'PUT',
      path: paths.problems(deployment),
      headers: json,
      body: JSON.stringify(request),
    }),
  );
}
