// What both servers share: the schema, its resolvers, and the context of one request.

import { readFileSync } from 'node:fs'
import DataLoader from 'dataloader'
import * as platforms from './platforms.mjs'

export const typeDefs = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8')

export const resolvers = {
  Query: {
    orders: (_root, { communityCode, first }) => platforms.orders(communityCode, first),
    shenhes: (_root, { communityCode, first }) => platforms.shenhes(communityCode, first),
  },
  House: {
    owner: (house, _arguments, { owners }) => owners.load(house),
  },
}

export function context() {
  const loadOwners = (houses) => Promise.all(houses.map(platforms.houseOwner))
  return { owners: new DataLoader(loadOwners, { cacheKeyFn: (house) => house.address }) }
}
