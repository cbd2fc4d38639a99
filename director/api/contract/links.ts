import { Type, type Static } from 'typebox';

const LinkDefinition = Type.Object({ name: Type.String(), type: Type.String() });

/** Ids are texts on this wire. */
export const LinkProvider = Type.Object({
  id: Type.String(),
  /** What consumers ask for. */
  name: Type.String(),
  shared: Type.Boolean(),
  deployment: Type.String(),
  /** As the release has it. */
  link_provider_definition: LinkDefinition,
  owner_object: Type.Object({
    type: Type.String(),
    name: Type.String(),
    info: Type.Object({ instance_group: Type.String() }),
  }),
});
export type LinkProvider = Static<typeof LinkProvider>;

export const LinkConsumer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  optional: Type.Boolean(),
  deployment: Type.String(),
  owner_object: Type.Object({
    type: Type.String(),
    name: Type.String(),
    info: Type.Optional(Type.Object({ instance_group: Type.String() })),
  }),
  link_consumer_definition: LinkDefinition,
});
export type LinkConsumer = Static<typeof LinkConsumer>;

export const Link = Type.Object({
  id: Type.String(),
  name: Type.String(),
  link_consumer_id: Type.String(),
  /** Null: its provider is gone. */
  link_provider_id: Type.Union([Type.String(), Type.Null()]),
  created_at: Type.String(),
});
export type Link = Static<typeof Link>;

/** What a client sends to be told of a shared link; checked by hand, for BOSH's words. */
export interface NewLink {
  link_provider_id: string;
  link_consumer: { owner_object: { name: string; type: 'external' } };
  network?: string;
}

export const LinkAddress = Type.Object({ address: Type.Union([Type.String(), Type.Null()]) });
export type LinkAddress = Static<typeof LinkAddress>;
