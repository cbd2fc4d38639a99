import { Router, type Request } from 'express';
import { messageOf, OperatorError } from '../../common/errors.ts';
import { diffDocuments } from '../../manifests/diff.ts';
import type { YamlMap } from '../../manifests/value.ts';
import type { DirectorPermission } from '../auth/permissions.ts';
import { normaliseRuntimeConfig, readMap } from './config-content.ts';
import type { LegacyConfig } from './contract/configs.ts';
import { mediaTypes } from './contract/paths.ts';
import type { ApiDeps } from './deps.ts';
import { plainText } from './http/answers.ts';
import { readText } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { queryText } from './http/query.ts';
import { userOf } from './http/request.ts';
import { recordConfigEvent } from './record-config-event.ts';
import { rubyTime } from './ruby-time.ts';

interface Kind {
  path: string;
  type: string;
  read: DirectorPermission;
  eventType: string;
  /** A CPI config has no name: there is one. */
  named: boolean;
  /** A cloud config's diff hides nothing, as in BOSH. */
  redacts: boolean;
}

const kinds: readonly Kind[] = [
  { path: '/cloud_configs', type: 'cloud', read: 'read', eventType: 'cloud-config', named: true, redacts: false },
  { path: '/runtime_configs', type: 'runtime', read: 'read', eventType: 'runtime-config', named: true, redacts: true },
  { path: '/cpi_configs', type: 'cpi', read: 'admin', eventType: 'cpi-config', named: false, redacts: true },
];

/** Cloud, runtime and CPI configs by their older paths, which `bosh update-cloud-config` and its kin still use. */
export function legacyConfigRoutes(deps: ApiDeps): Router {
  const router = Router();
  for (const kind of kinds) addKind(router, kind, deps);
  return router;
}

function addKind(router: Router, kind: Kind, deps: ApiDeps): void {
  const { store, requires, clock } = deps;
  const nameOf = (req: Request) => (kind.named && queryText(req, 'name')) || 'default';

  router.get(kind.path, requires(kind.read), async (req, res) => {
    const limit = queryText(req, 'limit');
    if (limit === undefined || limit === '') {
      plainText(res, 400, 'limit is required');
      return;
    }
    if (!/^-?\d{1,9}$/.test(limit)) {
      plainText(res, 400, `limit is invalid: '${limit}' is not an integer`);
      return;
    }
    const configs = await store.configs.list({ type: kind.type, name: nameOf(req), limit: Number(limit) });
    res.json(
      configs.map(({ content, createdAtMs }): LegacyConfig => ({
        properties: content,
        created_at: rubyTime(createdAtMs),
      })),
    );
  });

  router.post(kind.path, consumes(mediaTypes.yaml), requires('admin'), async (req, res) => {
    const text = await readText(req);
    const event = {
      user: userOf(res).name,
      action: 'update',
      type: kind.eventType,
      name: kind.named ? nameOf(req) : null,
    } as const;
    try {
      const map = readMap(text, 'manifest');
      const content = kind.type === 'runtime' ? normaliseRuntimeConfig(map) : text;
      const created = await store.atomically(async (tx) => {
        const latest = await tx.configs.latest(kind.type, nameOf(req));
        if (latest?.content === content) return false;
        await tx.configs.create({ type: kind.type, name: nameOf(req), content, team: null }, clock.now());
        return true;
      });
      if (created) await recordConfigEvent(deps, event);
    } catch (thrown) {
      if (thrown instanceof OperatorError) await recordConfigEvent(deps, { ...event, error: thrown.message });
      throw thrown;
    }
    res.status(201).end();
  });

  router.post(`${kind.path}/diff`, consumes(mediaTypes.yaml), requires('admin'), async (req, res) => {
    const after = readMap(await readText(req), 'manifest');
    const latest = await store.configs.latest(kind.type, nameOf(req));
    const redact = kind.redacts && queryText(req, 'redact') !== 'false';
    try {
      const before: YamlMap = latest === undefined ? {} : readMap(latest.content, 'manifest');
      res.json({ diff: diffDocuments(before, after, { redact }) });
    } catch (thrown) {
      res.json({ diff: [], error: `Unable to diff ${kind.eventType}: ${messageOf(thrown)}` });
    }
  });
}
