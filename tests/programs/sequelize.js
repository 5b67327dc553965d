const { DataTypes, Op, Sequelize } = require('sequelize')
const main = require('./tasks')

const options = (max) => ({ logging: false, define: { timestamps: false }, pool: { max } })
const sequelize = new Sequelize(process.env.DATABASE_URL, options(2))
const alone = new Sequelize(process.env.DATABASE_URL, options(1))

const seats = (sequelize) =>
  sequelize.define('seats', { seat_number: { type: DataTypes.INTEGER, primaryKey: true }, booked_by: DataTypes.TEXT })
const notes = (sequelize, table) =>
  sequelize.define(table, { id: { type: DataTypes.INTEGER, primaryKey: true }, note: DataTypes.TEXT })

const Seat = seats(sequelize)
const Wait = notes(sequelize, 'waits')
const AloneSeat = seats(alone)
const Note = notes(alone, 'notes')

main({
  book: (person, seat) =>
    sequelize.transaction(async (transaction) => {
      const found = await Seat.findByPk(seat, { transaction })
      if (found.booked_by !== null) return false
      await found.update({ booked_by: person }, { transaction })
      return true
    }),
  count: (below) => AloneSeat.count({ where: { seat_number: { [Op.lt]: below }, booked_by: { [Op.ne]: null } } }),
  store: (text) => Note.create({ id: 1, note: text }),
  load: async () => (await Note.findByPk(1)).note,
  again: () => AloneSeat.create({ seat_number: 1 }),
  wait: () =>
    sequelize.transaction(async (transaction) => {
      await Seat.update({ booked_by: 'carol' }, { where: { seat_number: 12 }, transaction })
      await Wait.update({ note: 'changed' }, { where: { id: 1 }, transaction })
    }),
  end: () => Promise.all([sequelize.close(), alone.close()])
})
