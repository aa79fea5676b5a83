import java.util.Scanner;

public class Queens {
    static int n;
    static int[] whole;

    static int place(int y, int columns, int left, int right) {
        if (y == n) return 1;
        int ways = 0;
        for (int open = whole[y] & ~(columns | left | right); open != 0; open &= open - 1) {
            int square = open & -open;
            ways += place(y + 1, columns | square, (left | square) << 1, (right | square) >> 1);
        }
        return ways;
    }

    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        n = in.nextInt();
        whole = new int[n];
        for (int y = 0; y < n; y++) {
            String row = in.next();
            for (int x = 0; x < n; x++) if (row.charAt(x) == '.') whole[y] |= 1 << x;
        }
        System.out.println(place(0, 0, 0, 0));
    }
}
