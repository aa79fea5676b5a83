import java.util.*;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt(), k = in.nextInt();

        // Find an order; leave it empty if there is none.
        StringJoiner row = new StringJoiner(" ");

        System.out.println(row.length() == 0 ? "impossible" : row);
    }
}
