/** `state_directory` -> `stateDirectory`, all the way down: what `readSection` does, told to the compiler. */
export type CamelKeys<T> = T extends readonly (infer Item)[]
  ? ReadonlyArray<CamelKeys<Item>>
  : T extends object
    ? { readonly [K in keyof T as K extends string ? CamelCase<K> : K]: CamelKeys<T[K]> }
    : T;

type CamelCase<K extends string> = K extends `${infer Head}_${infer Rest}`
  ? `${Head}${Capitalize<CamelCase<Rest>>}`
  : K;
