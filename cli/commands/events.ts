import { paths } from '../../director/api/contract/paths.ts';
import type { Event } from '../../director/api/contract/operations.ts';
import type { CommandSpec } from '../command.ts';
import { fetching } from '../director-client.ts';
import { withQuery } from '../query.ts';
import { yamlCell } from '../yaml-cell.ts';
import { type Cell, columnsOf, lines, time } from '../ui/table.ts';

export const eventCommands: readonly CommandSpec[] = [
  {
    name: 'events',
    text: 'List events',
    flags: [
      { name: 'before-id', value: 'ID', text: 'Show events with ID less than the given ID' },
      { name: 'before', value: 'TIME', text: 'Show events before the given timestamp (ex: 2016-05-08 17:26:32)' },
      { name: 'after', value: 'TIME', text: 'Show events after the given timestamp (ex: 2016-05-08 17:26:32)' },
      { name: 'task', value: 'ID', text: 'Show events with the given task ID' },
      { name: 'instance', value: 'GROUP/ID', text: 'Show events with given instance' },
      { name: 'event-user', value: 'NAME', text: 'Show events with given user' },
      { name: 'action', value: 'ACTION', text: 'Show events with given action' },
      { name: 'object-type', value: 'TYPE', text: 'Show events with given object type' },
      { name: 'object-name', value: 'NAME', text: 'Show events with given object name' },
    ],
    run: async ({ ui, session, globals }, given) => {
      const path = withQuery(paths.events, {
        before_id: given.text('before-id'),
        before_time: given.text('before'),
        after_time: given.text('after'),
        task: given.text('task'),
        deployment: globals.deployment,
        instance: given.text('instance'),
        user: given.text('event-user'),
        action: given.text('action'),
        object_type: given.text('object-type'),
        object_name: given.text('object-name'),
      });
      const events = await fetching<Event[]>(await session.director(), 'Finding events', path);
      const contexts = await Promise.all(events.map(({ context }) => yamlCell(context)));
      ui.table({
        content: 'events',
        columns: columnsOf(...Object.keys(fieldsOf(events[0])), 'Context', 'Error'),
        rows: events.map((event, i) => [...Object.values(fieldsOf(event)), contexts[i] ?? '', event.error ?? '']),
      });
    },
  },
  {
    name: 'event',
    text: 'Show event details',
    args: [{ name: 'ID' }],
    run: async ({ ui, session }, given) => {
      const id = given.arg(0);
      const event = await fetching<Event>(await session.director(), `Finding event '${id}'`, paths.event(id));
      const context = Object.entries(event.context ?? {}).map(([name, value]) => `${name}: ${textual(value)}`);
      const always = ['ID', 'Time', 'Action', 'Object Type'];
      const fields = Object.entries({
        ...fieldsOf(event),
        Context: context.length === 0 ? '' : lines(context.sort()),
        Error: event.error ?? '',
      }).filter(([title, cell]) => cell !== '' || always.includes(title));
      ui.table({
        columns: columnsOf(...fields.map(([title]) => title)),
        rows: [fields.map(([, cell]) => cell)],
        transposed: true,
      });
    },
  },
];

function fieldsOf(event: Event | undefined): Record<string, Cell> {
  return {
    ID: (event?.id ?? '') + (event?.parent_id === undefined ? '' : ` <- ${event.parent_id}`),
    Time: time(event?.timestamp ?? null),
    User: event?.user ?? '',
    Action: event?.action ?? '',
    'Object Type': event?.object_type ?? '',
    'Object Name': event?.object_name ?? '',
    'Task ID': event?.task ?? '',
    Deployment: event?.deployment ?? '',
    Instance: event?.instance ?? '',
  };
}

const textual = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
