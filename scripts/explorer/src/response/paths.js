// Response paths, such as ["orders", "nodes", 3, "amount"].

export const showPath = (path) =>
  path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index ? `.${step}` : step)).join('');

export const startsWith = (path, beginning) =>
  beginning.length <= path.length && beginning.every((step, index) => step === path[index]);

export const isSame = (one, other) => one.length === other.length && startsWith(one, other);

const MOST_PLACES = 100;

// The places of a path in the data. A path may leave the positions in lists out: it stands for every item then.
export function placesOf(data, path) {
  let places = [{ value: data, path: [] }];
  for (const step of path) {
    if (typeof step === 'string') places = places.flatMap(itemsOf);
    places = places
      .filter(({ value }) => value !== null && typeof value === 'object' && step in value)
      .map((place) => ({ value: place.value[step], path: [...place.path, step] }))
      .slice(0, MOST_PLACES);
  }
  return places.map((place) => place.path);
}

const itemsOf = ({ value, path }) =>
  Array.isArray(value)
    ? value.flatMap((item, index) => itemsOf({ value: item, path: [...path, index] }))
    : [{ value, path }];

// The names of the fields on a path, without positions in lists.
export const fieldsOf = (path) => path.filter((step) => typeof step === 'string');
