import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt();
        String[] board = new String[n];
        for (int y = 0; y < n; y++) board[y] = in.next();

        // Count the ways to place n queens.
        int ways = 0;

        System.out.println(ways);
    }
}
