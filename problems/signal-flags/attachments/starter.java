import java.util.*;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt();
        String start = in.next(), end = in.next();

        // Find an order; leave it empty if there is none.
        List<String> signals = new ArrayList<>();

        System.out.println(signals.isEmpty() ? "impossible" : String.join("\n", signals));
    }
}
