import { Router, type Request } from 'express';
import Value from 'typebox/value';
import { InvalidInput, messageOf, OperatorError } from '../../common/errors.ts';
import { diffDocuments } from '../../manifests/diff.ts';
import type { YamlMap } from '../../manifests/value.ts';
import { adminTeams } from '../auth/permissions.ts';
import type { Config } from '../store/configs.ts';
import { normaliseRuntimeConfig, readMap } from './config-content.ts';
import { ConfigComparison, NewConfig, type Config as WireConfig, type ConfigSide } from './contract/configs.ts';
import { mediaTypes } from './contract/paths.ts';
import type { ApiDeps } from './deps.ts';
import { parseJson, readText } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryText } from './http/query.ts';
import { scopesOf, userOf } from './http/request.ts';
import { recordConfigEvent } from './record-config-event.ts';
import { rubyTime } from './ruby-time.ts';

/** Routes under /configs: documents of any type and name, every version of them. */
export function configRoutes(deps: ApiDeps): Router {
  const { store, permissions, requires, clock } = deps;
  const router = Router();

  router.get('/configs', requires('list_configs'), async (req, res) => {
    const type = queryText(req, 'type');
    const name = queryText(req, 'name');
    const configs = await store.configs.list({
      limit: limitOf(req),
      ...(type === undefined ? {} : { type }),
      ...(name === undefined ? {} : { name }),
    });
    const visible = configs.filter((config) => permissions.allowsOn(owned(config), 'read', scopesOf(res)));
    res.json(visible.map(toWire));
  });

  router.get('/configs/:id', requires('read'), async (req, res) => {
    res.json(toWire(await find(pathText(req, 'id'))));
  });

  router.post('/configs', consumes(mediaTypes.json), requires('update_configs'), async (req, res) => {
    const wanted = await readNewConfig(req);
    const { type, name } = wanted;
    const scopes = scopesOf(res);
    const user = userOf(res).name;
    try {
      const content = contentOf(wanted);
      const outcome = await store.atomically(async (tx) => {
        const latest = await tx.configs.latest(type, name);
        const latestId = latest === undefined ? '0' : String(latest.id);
        const expected = wanted.expected_latest_id == null ? undefined : String(wanted.expected_latest_id);
        if (expected !== undefined && expected !== latestId) return { latestId, expected };
        if (latest !== undefined) permissions.requireOn(owned(latest), 'admin', scopes);
        if (latest?.content === content) return { config: latest, created: false };
        const team = adminTeams(scopes)[0] ?? null;
        return { config: await tx.configs.create({ type, name, content, team }, clock.now()), created: true };
      });
      if ('latestId' in outcome) {
        res.status(412).json({
          latest_id: outcome.latestId,
          expected_latest_id: outcome.expected,
          description: `Latest Id: '${outcome.latestId}' does not match expected latest id`,
        });
        return;
      }
      if (outcome.created) await recordConfigEvent(deps, { user, action: 'create', type: `config/${type}`, name });
      res.status(201).json(toWire(outcome.config));
    } catch (thrown) {
      if (thrown instanceof OperatorError) {
        await recordConfigEvent(deps, { user, action: 'create', type: `config/${type}`, name, error: thrown.message });
      }
      throw thrown;
    }
  });

  router.post('/configs/diff', consumes(mediaTypes.json), requires('list_configs'), async (req, res) => {
    const body = await readObject(req);
    const scopes = scopesOf(res);
    try {
      if (Value.Check(ConfigComparison, body)) {
        const [before, after] = [await side(body.from, scopes), await side(body.to, scopes)];
        res.json({ diff: diffDocuments(before, after, { redact: true }) });
      } else if (Value.Check(NewConfig, body)) {
        const latest = await store.configs.latest(body.type, body.name);
        if (latest !== undefined) permissions.requireOn(owned(latest), 'admin', scopes);
        const before = latest === undefined ? {} : readMap(latest.content, 'config');
        const diff = diffDocuments(before, readMap(body.content, 'config'), { redact: true });
        res.json({ from: { id: String(latest?.id ?? 0) }, diff });
      } else throw diffRequestInvalid();
    } catch (thrown) {
      if (!(thrown instanceof OperatorError) || thrown.code !== 'config-invalid') throw thrown;
      res.status(400).json({ diff: [], error: `Unable to diff config content: ${messageOf(thrown)}` });
    }
  });

  router.delete('/configs/:id', requires('update_configs'), async (req, res) => {
    const config = await find(pathText(req, 'id'));
    permissions.requireOn(owned(config), 'admin', scopesOf(res));
    const count = await store.configs.delete({ id: config.id });
    res.status(count > 0 ? 204 : 404).end();
  });

  router.delete('/configs', requires('update_configs'), async (req, res) => {
    const which = { type: required(req, 'type'), name: required(req, 'name') };
    const config = await store.configs.latest(which.type, which.name);
    if (config === undefined) {
      res.status(404).end();
      return;
    }
    permissions.requireOn(owned(config), 'admin', scopesOf(res));
    const count = await store.configs.delete(which);
    res.status(count > 0 ? 204 : 404).end();
  });

  return router;

  async function find(text: string): Promise<Config> {
    const config = /^[1-9]\d{0,14}$/.test(text) ? await store.configs.get(Number(text)) : undefined;
    if (config === undefined || config.deleted) {
      throw new OperatorError(`Config ${text} not found`, { code: 'config-not-found' });
    }
    return config;
  }

  /** One side of a comparison: what it shows, its asker must be an admin of. */
  async function side(which: ConfigSide, scopes: readonly string[]): Promise<YamlMap> {
    // The CLI sends both keys, one of them empty; as in BOSH an id wins.
    const id = 'id' in which && /^\d+$/.test(which.id) ? which.id : undefined;
    if (id === undefined) return readMap('content' in which ? which.content : '', 'config');
    const config = await find(id);
    permissions.requireOn(owned(config), 'admin', scopes);
    return readMap(config.content, 'config');
  }
}

/** As text on the wire, since clients shall not count on it being a number. */
export function toWire(config: Config): WireConfig {
  const { content, id, type, name, team, createdAtMs, current } = config;
  return { content, id: String(id), type, name, team, created_at: rubyTime(createdAtMs), current };
}

export function owned(config: Config): { teams: string[] } {
  return { teams: config.team === null ? [] : [config.team] };
}

function contentOf({ type, content }: NewConfig): string {
  const map = readMap(content, 'config');
  return type === 'runtime' ? normaliseRuntimeConfig(map) : content;
}

/** `limit` wins over `latest`; neither: the latest of each. */
function limitOf(req: Request): number {
  const limit = queryText(req, 'limit');
  if (limit !== undefined) {
    if (/^[1-9]\d{0,8}$/.test(limit)) return Number(limit);
    throw new OperatorError("'limit' must be a number larger than zero", { code: 'config-request-invalid' });
  }
  const latest = queryText(req, 'latest');
  if (latest === undefined || latest === '' || latest === 'true') return 1;
  if (latest === 'false') return Infinity;
  throw new OperatorError("'latest' must be 'true' or 'false'", { code: 'config-request-invalid' });
}

function required(req: Request, name: 'type' | 'name'): string {
  const text = queryText(req, name);
  if (text) return text;
  throw new OperatorError(`'${name}' is required`, { code: 'config-request-invalid' });
}

async function readObject(req: Request): Promise<Record<string, unknown>> {
  const value = parseJson(await readText(req));
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>; // checked
  throw new OperatorError('JSON object expected', { code: 'config-request-invalid' });
}

async function readNewConfig(req: Request): Promise<NewConfig> {
  const value = await readObject(req);
  for (const key of ['type', 'name'] as const) {
    const text = value[key];
    if (text === undefined || text === null || text === '') {
      throw new OperatorError(`'${key}' is required`, { code: 'config-request-invalid' });
    }
    if (typeof text !== 'string') {
      throw new OperatorError(`'${key}' must be a string`, { code: 'config-request-invalid' });
    }
  }
  if (typeof value['content'] !== 'string') throw new OperatorError('YAML hash expected', { code: 'config-invalid' });
  if (Value.Check(NewConfig, value)) return value;
  throw new InvalidInput('Request body', [{ path: 'expected_latest_id', message: 'must be a string' }], {
    code: 'config-request-invalid',
  });
}

function diffRequestInvalid(): OperatorError {
  return new OperatorError(
    'The following request formats are allowed:\n' +
      '1. {"from":<config>,"to":<config>} where <config> is either {"id":"<id>"} or {"content":"<content>"}\n' +
      '2. {"type":"<type>","name":"<name>","content":"<content>"}',
    { code: 'config-request-invalid' },
  );
}
