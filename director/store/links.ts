/** Whose a provided or consumed link is. `manual`: the manifest wrote it for this consumer; `external`: made by the API. */
export type LinkOwnerType = 'job' | 'disk' | 'variable' | 'manual' | 'external';

/** What tells one from all others of its deployment. */
export interface LinkKey {
  ownerType: LinkOwnerType;
  /** The instance group; empty for variables and external consumers. */
  group: string;
  /** The job, or the variable; of disks the group. */
  owner: string;
  /** As the release calls the link. */
  name: string;
}

/** What a provider tells, with the addresses of all its networks: BOSH's keys. */
export type ProviderContent = Readonly<Record<string, unknown>>;

export interface NewProvider extends LinkKey {
  /** What consumers ask for. */
  alias: string;
  type: string;
  shared: boolean;
  /** Null: nobody can take it, so nobody wrote it down. */
  content: ProviderContent | null;
}

export interface LinkProvider extends NewProvider {
  id: number;
  deployment: string;
}

/** Without what it tells. */
export type ProviderListing = Omit<LinkProvider, 'content'>;

export interface NewConsumer extends LinkKey {
  /** What it asks for. */
  alias: string;
  type: string;
  optional: boolean;
  /** What it gets; null: nothing, and it can do without. */
  link: NewLink | null;
}

export interface NewLink {
  /** Of the same deployment by its key, of another one by its row; null: neither. */
  provider: { own: LinkKey } | { id: number };
  content: Readonly<Record<string, unknown>>;
}

export interface LinkConsumer extends Omit<NewConsumer, 'link'> {
  id: number;
  deployment: string;
}

export interface Link {
  id: number;
  name: string;
  /** Null: it is gone. */
  providerId: number | null;
  consumerId: number;
  createdAtMs: number;
}

export interface LinkWithEnds extends Link {
  content: Readonly<Record<string, unknown>>;
  provider: ProviderListing | null;
  consumer: LinkConsumer;
}

export interface NewExternalLink {
  provider: LinkProvider;
  /** Whoever asks, under a name of its own choice. */
  owner: string;
  content: Readonly<Record<string, unknown>>;
}

/**
 * INVARIANTS
 * - A deploy records what its jobs give and take before anything is changed, and only once it succeeded is forgotten
 *   what it does not have any more: until then the instances run with it.
 * - Ids stay while the key does, over deploys and migrations of groups: clients keep them.
 */
export interface Links {
  /** By id. */
  providers(deployment: string): Promise<ProviderListing[]>;
  consumers(deployment: string): Promise<LinkConsumer[]>;
  links(deployment: string): Promise<Link[]>;
  /** Those that other deployments may take, as their last deploys recorded them; by id. */
  sharedBy(deployments: readonly string[]): Promise<LinkProvider[]>;
  provider(id: number): Promise<LinkProvider | undefined>;
  link(id: number): Promise<LinkWithEnds | undefined>;

  /** @param formerGroups names that a group had: rows under them become its own */
  record(
    deployment: string,
    what: {
      providers: readonly NewProvider[];
      consumers: readonly NewConsumer[];
      formerGroups: ReadonlyMap<string, readonly string[]>;
    },
    nowMs: number,
  ): Promise<void>;
  /** The deploy that was recorded last has succeeded. */
  settle(deployment: string): Promise<void>;

  /** The same again gives the same link. */
  createExternal(link: NewExternalLink, nowMs: number): Promise<Link>;
  /** With its consumer, when it was that one's last. */
  deleteExternal(id: number): Promise<void>;
}
