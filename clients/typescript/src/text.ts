/** A document as text, with the types of its answer and of its variables. */
export type Text<Data, Variables> = string & { readonly __types?: (variables: Variables) => Data };
