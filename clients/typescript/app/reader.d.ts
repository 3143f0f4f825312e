// What the code of the pages leaves to its reader.

declare const url: string;
declare const token: string;
declare const community: string;
declare const id: string;
declare const reply: string;
declare function freshToken(): Promise<string>;
declare function logIn(): Promise<void>;
declare function show(...values: unknown[]): void;
