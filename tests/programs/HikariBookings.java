import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.StringReader;
import java.io.StringWriter;
import java.net.URI;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** The tasks of README.md by pgjdbc, from a pool of HikariCP. */
public final class HikariBookings {
    private static final int LONG = 8 * 1024 * 1024;

    private final HikariDataSource pool = pool(2);
    private final Connection alone;

    private HikariBookings() throws SQLException {
        alone = pool(1).getConnection();
        alone.setAutoCommit(true);
    }

    private static HikariDataSource pool(int size) {
        URI url = URI.create(System.getenv("DATABASE_URL"));
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath());
        config.setUsername(url.getUserInfo());
        config.setMaximumPoolSize(size);
        config.setAutoCommit(false);
        return new HikariDataSource(config);
    }

    private boolean book(String person, int seat) throws SQLException {
        try (Connection connection = pool.getConnection();
                var look = connection.prepareStatement("SELECT booked_by FROM seats WHERE seat_number = ?");
                var book = connection.prepareStatement("UPDATE seats SET booked_by = ? WHERE seat_number = ?")) {
            look.setInt(1, seat);
            var found = look.executeQuery();
            found.next();
            boolean isFree = found.getString(1) == null;
            if (isFree) {
                book.setString(1, person);
                book.setInt(2, seat);
                book.executeUpdate();
            }
            connection.commit();
            return isFree;
        }
    }

    private List<String> books(String person, int first) throws SQLException {
        List<String> told = new ArrayList<>();
        for (int seat = first; seat < first + 5; seat++) {
            told.add(seat + ": " + (book(person, seat) ? person : "taken"));
        }
        return told;
    }

    private void books() throws Exception {
        ExecutorService workers = Executors.newFixedThreadPool(2);
        List<Callable<List<String>>> people = List.of(() -> books("alice", 1), () -> books("bob", 6));
        for (var told : workers.invokeAll(people)) {
            System.out.println(String.join("\n", told.get()));
        }
        workers.shutdown();
        System.out.println("3 is " + (book("mallory", 3) ? "free" : "taken"));
    }

    private int count(int below) throws SQLException {
        String sql = "SELECT count(*) FROM seats WHERE seat_number < ? AND booked_by IS NOT NULL";
        try (var counting = alone.prepareStatement(sql)) {
            counting.setInt(1, below);
            var counted = counting.executeQuery();
            counted.next();
            return counted.getInt(1);
        }
    }

    private void note() throws SQLException {
        String text = "0123456789abcde\n".repeat(LONG / 16);
        try (var store = alone.prepareStatement("INSERT INTO notes VALUES (1, ?)")) {
            store.setString(1, text);
            store.executeUpdate();
        }
        try (var load = alone.prepareStatement("SELECT note FROM notes WHERE id = 1")) {
            var loaded = load.executeQuery();
            loaded.next();
            System.out.println("note " + loaded.getString(1).length() + " " + loaded.getString(1).equals(text));
        }
    }

    private void copy() throws Exception {
        CopyManager copy = alone.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder lines = new StringBuilder();
        for (int id = 0; id < 1000; id++) {
            lines.append(id).append("\tline ").append(id).append('\n');
        }
        copy.copyIn("COPY lines FROM STDIN", new StringReader(lines.toString()));
        StringWriter out = new StringWriter();
        copy.copyOut("COPY (SELECT line FROM lines ORDER BY id) TO STDOUT", out);
        String[] copied = out.toString().split("\n");
        System.out.println("copied " + copied.length + " " + copied[copied.length - 1]);
    }

    private void work() throws Exception {
        books();
        StringBuilder counts = new StringBuilder("counts");
        for (int below = 1; below <= 11; below++) {
            counts.append(' ').append(count(below));
        }
        System.out.println(counts);
        note();
        copy();
        try (Statement again = alone.createStatement()) {
            again.executeUpdate("INSERT INTO seats VALUES (1)");
        } catch (SQLException error) {
            System.out.println("again " + error.getSQLState());
        }
        System.out.println("after it " + count(100));
    }

    private void cancel() throws Exception {
        try (Statement update = alone.createStatement()) {
            Thread teller = new Thread(() -> {
                try {
                    System.in.read();
                    update.cancel();
                } catch (Exception error) {
                    System.out.println(error);
                }
            });
            teller.start();
            update.executeUpdate("UPDATE waits SET note = 'changed' WHERE id = 1");
            System.out.println("not cancelled");
        } catch (SQLException error) {
            System.out.println("cancelled " + error.getSQLState());
        }
        System.out.println("after it " + count(100));
    }

    private void hold() throws SQLException {
        try (Connection connection = pool.getConnection(); Statement update = connection.createStatement()) {
            update.executeUpdate("UPDATE seats SET booked_by = 'carol' WHERE seat_number = 12");
            update.executeUpdate("UPDATE waits SET note = 'changed' WHERE id = 1");
            connection.commit();
        }
    }

    public static void main(String[] arguments) throws Exception {
        HikariBookings bookings = new HikariBookings();
        switch (arguments[0]) {
            case "work" -> bookings.work();
            case "cancel" -> bookings.cancel();
            default -> bookings.hold();
        }
        System.exit(0);
    }
}
