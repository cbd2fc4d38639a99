import type { Store } from '../store.ts';
import { sqlConfigs } from './configs.ts';
import { sqlCredentials } from './credentials.ts';
import { sqlDeployments } from './deployments.ts';
import { sqlErrands } from './errands.ts';
import { sqlDns } from './dns.ts';
import { sqlEvents } from './events.ts';
import { sqlInstances } from './instances.ts';
import { sqlLinks } from './links.ts';
import { sqlLocks } from './locks.ts';
import { sqlProblems } from './problems.ts';
import { sqlLogBundles } from './log-bundles.ts';
import { sqlLogIns } from './log-ins.ts';
import { referencedBlobs } from './referenced-blobs.ts';
import { sqlReleases } from './releases.ts';
import type { Session } from './session.ts';
import { sqlSnapshots } from './snapshots.ts';
import { sqlStemcells } from './stemcells.ts';
import { sqlTasks } from './tasks.ts';
import { sqlVariableSets } from './variable-sets.ts';

export function sqlStore(session: Session, close: () => Promise<void>): Store {
  const store: Store = {
    tasks: sqlTasks(session),
    locks: sqlLocks(session),
    configs: sqlConfigs(session),
    releases: sqlReleases(session),
    stemcells: sqlStemcells(session),
    deployments: sqlDeployments(session),
    instances: sqlInstances(session),
    events: sqlEvents(session),
    problems: sqlProblems(session),
    snapshots: sqlSnapshots(session),
    errands: sqlErrands(session),
    logBundles: sqlLogBundles(session),
    links: sqlLinks(session),
    dns: sqlDns(session),
    logIns: sqlLogIns(session),
    credentials: sqlCredentials(session),
    variableSets: sqlVariableSets(session),

    attribute: (name) =>
      session.read(async (db) => {
        const row = await db.selectFrom('attributes').select('value').where('name', '=', name).executeTakeFirst();
        return row?.value;
      }),

    setAttribute: (name, value) =>
      session.write(async (db) => {
        await db
          .insertInto('attributes')
          .values({ name, value })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
          .execute();
      }),

    claimOccurrence: (job, atMs) =>
      session.write(async (db) => {
        // As text that sorts like the times.
        const value = new Date(atMs).toISOString();
        const claimed = await db
          .insertInto('attributes')
          .values({ name: `schedule.${job}`, value })
          .onConflict((on) => on.column('name').doUpdateSet({ value }).where('attributes.value', '<', value))
          .returning('name')
          .executeTakeFirst();
        return claimed !== undefined;
      }),

    referencedBlobs: () => referencedBlobs(session),

    atomically: (work) =>
      session.atomically((inside) => work(inside === session ? store : sqlStore(inside, closeOutside))),
    fencedBy: (lease) => sqlStore(session.fencedBy(lease), closeOutside),
    close,
  };
  return store;
}

const closeOutside = () => Promise.reject(new Error('close the store that openStore gave, not one made from it'));
