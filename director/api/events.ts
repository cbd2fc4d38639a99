import { Router, type Request } from 'express';
import { OperatorError } from '../../common/errors.ts';
import type { DirectorEvent, EventFilter } from '../store/events.ts';
import { mediaTypes } from './contract/paths.ts';
import { NewEvent, type Event } from './contract/operations.ts';
import type { ApiDeps } from './deps.ts';
import { plainText } from './http/answers.ts';
import { readJson } from './http/bodies.ts';
import { consumes } from './http/consumes.ts';
import { pathText, queryText } from './http/query.ts';
import { userOf } from './http/request.ts';
import { rubyTimeMs } from './ruby-time.ts';

/** Routes under /events: what changed, by whom and when. */
export function eventRoutes({ store, clock, director, requires }: ApiDeps): Router {
  const router = Router();

  router.get('/events', requires('read_events'), async (req, res) => {
    const times = timesOf(req);
    if ('wrong' in times) {
      plainText(res, 400, times.wrong);
      return;
    }
    const events = await store.events.list({ ...filterOf(req), ...times });
    res.json(events.map(toWire));
  });

  router.get('/events/:id', requires('admin'), async (req, res) => {
    const text = pathText(req, 'id');
    const event = /^\d{1,15}$/.test(text) ? await store.events.get(Number(text)) : undefined;
    if (event === undefined) plainText(res, 404, 'Event not found');
    else res.json(toWire(event));
  });

  router.post('/events', consumes(mediaTypes.json), requires('admin'), async (req, res) => {
    const given = await readJson(req, NewEvent);
    const atMs = given.timestamp == null ? clock.now() : rubyTimeMs(String(given.timestamp), clock.now());
    if (atMs === undefined) {
      plainText(res, 400, `Invalid timestamp parameter: '${given.timestamp}' `);
      return;
    }
    if (director.recordEvents) {
      await store.events.add({
        parentId: null,
        atMs,
        user: userOf(res).name,
        action: given.action,
        objectType: given.object_type,
        objectName: given.object_name,
        error: given.error ?? null,
        task: null,
        deployment: given.deployment ?? null,
        instance: given.instance ?? null,
        context: given.context ?? {},
      });
    }
    res.status(200).end();
  });

  return router;

  function timesOf(req: Request): Pick<EventFilter, 'beforeMs' | 'afterMs'> | { wrong: string } {
    const times: Pick<EventFilter, 'beforeMs' | 'afterMs'> = {};
    const before = queryText(req, 'before_time');
    const after = queryText(req, 'after_time');
    if (before !== undefined) {
      const ms = rubyTimeMs(before, clock.now());
      if (ms === undefined) return { wrong: `Invalid before parameter: '${before}' ` };
      times.beforeMs = ms;
    }
    if (after !== undefined) {
      const ms = rubyTimeMs(after, clock.now());
      if (ms === undefined) return { wrong: `Invalid after parameter: '${after}' ` };
      times.afterMs = ms + 999; // from the next second on: events of the named one are left out, as in BOSH
    }
    return times;
  }
}

function filterOf(req: Request): EventFilter {
  const texts = {
    task: queryText(req, 'task'),
    deployment: queryText(req, 'deployment'),
    instance: queryText(req, 'instance'),
    user: queryText(req, 'user'),
    action: queryText(req, 'action'),
    objectType: queryText(req, 'object_type'),
    objectName: queryText(req, 'object_name'),
  };
  const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)) as EventFilter; // no undefined is left
  const beforeId = queryText(req, 'before_id');
  if (beforeId === undefined) return given;
  const id = Number.parseInt(beforeId, 10);
  if (Number.isNaN(id))
    throw new OperatorError(`before_id: "${beforeId}" is no number`, { code: 'field-invalid-value' });
  return { ...given, beforeId: id };
}

/** Empty fields are left out; ids are text. */
export function toWire(event: DirectorEvent): Event {
  const optional = {
    parent_id: event.parentId === null ? '' : String(event.parentId),
    object_name: event.objectName ?? '',
    error: event.error ?? '',
    task: event.task ?? '',
    deployment: event.deployment ?? '',
    instance: event.instance ?? '',
  };
  return {
    id: String(event.id),
    timestamp: Math.floor(event.atMs / 1000),
    user: event.user,
    action: event.action,
    object_type: event.objectType,
    context: event.context,
    ...Object.fromEntries(Object.entries(optional).filter(([, text]) => text !== '')),
  };
}
