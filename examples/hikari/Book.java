import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.net.URI;
import java.sql.Connection;
import java.sql.SQLException;

/** java Book.java [--mended] SEAT CUSTOMER: books a seat and prints what came of it. */
public final class Book {
    private static final String BOOK = "UPDATE seats SET booked_by = ? WHERE seat = ?";

    private final boolean isMended;
    private final String seat;
    private final String customer;

    private Book(boolean isMended, String seat, String customer) {
        this.isMended = isMended;
        this.seat = seat;
        this.customer = customer;
    }

    private HikariDataSource pool() {
        URI url = URI.create(System.getenv("DATABASE_URL"));
        String[] user = url.getUserInfo().split(":", 2);
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + url.getAuthority().replaceFirst(".*@", "") + url.getPath());
        config.setUsername(user[0]);
        config.setPassword(user.length > 1 ? user[1] : null);
        config.addDataSourceProperty("ApplicationName", customer);
        config.setMaximumPoolSize(4);
        config.setAutoCommit(false);
        return new HikariDataSource(config);
    }

    private boolean isFree(Connection connection) throws SQLException {
        try (var look = connection.prepareStatement("SELECT booked_by FROM seats WHERE seat = ?")) {
            look.setString(1, seat);
            var row = look.executeQuery();
            return row.next() && row.getString(1) == null;
        }
    }

    /** The race is between the look and this UPDATE. Mended, the UPDATE looks itself. */
    private boolean take(Connection connection) throws SQLException {
        try (var take = connection.prepareStatement(isMended ? BOOK + " AND booked_by IS NULL" : BOOK)) {
            take.setString(1, customer);
            take.setString(2, seat);
            return take.executeUpdate() == 1;
        }
    }

    private void print(Connection connection) throws SQLException {
        try (var ticket = connection.prepareStatement("INSERT INTO tickets (seat, customer) VALUES (?, ?)")) {
            ticket.setString(1, seat);
            ticket.setString(2, customer);
            ticket.executeUpdate();
        }
    }

    private String book() throws SQLException {
        try (var pool = pool(); Connection connection = pool.getConnection()) {
            boolean isBooked = isFree(connection) && take(connection);
            if (isBooked) {
                print(connection);
            }
            connection.commit();
            return seat + (isBooked ? " is booked for " + customer : " is taken");
        }
    }

    public static void main(String[] arguments) throws SQLException {
        boolean isMended = arguments[0].equals("--mended");
        int first = isMended ? 1 : 0;
        System.out.println(new Book(isMended, arguments[first], arguments[first + 1]).book());
    }
}
