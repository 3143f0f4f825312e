// What both servers share: the schema, its resolvers, and the context of one request.

import { readFileSync } from 'node:fs'
import DataLoader from 'dataloader'
import * as platforms from './platforms.mjs'

export const typeDefs = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8')

export const resolvers = {
  Query: {
    async orders(_root, { communityCode, first }, { request, note }) {
      const found = await platforms.orders(communityCode, first)
      if (note) note('Order', communityCode, found.nodes.map((order) => [order.number, order]), request)
      return found
    },
    async shenhes(_root, { communityCode, first }, { request, note }) {
      const found = await platforms.shenhes(communityCode, first)
      if (note) {
        const read = found.nodes.map((review) => [review.platformId, { ...review, ...review.content?.people }])
        note('Shenhe', communityCode, read, request)
      }
      return found
    },
  },
  House: {
    owner: (house, _arguments, { owners }) => owners.load(house),
  },
}

// `note` hears of the records that are shown; undefined: none are recorded.
export function context(request, note) {
  async function loadOwners(houses) {
    const found = await Promise.all(houses.map(platforms.houseOwner))
    if (note) {
      const read = houses.flatMap((house, index) => (found[index] ? [[house.address, found[index]]] : []))
      if (read.length > 0) note('House', houses[0].communityCode, read, request)
    }
    return found
  }
  return { request, note, owners: new DataLoader(loadOwners, { cacheKeyFn: (house) => house.address }) }
}
