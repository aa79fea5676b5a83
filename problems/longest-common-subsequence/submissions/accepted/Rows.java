import java.util.Scanner;

public class Rows {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        char[] a = in.next().toCharArray(), b = in.next().toCharArray();
        int[] row = new int[b.length + 1];
        for (char x : a) {
            int diagonal = 0;
            for (int j = 1; j <= b.length; j++) {
                int above = row[j];
                row[j] = x == b[j - 1] ? diagonal + 1 : Math.max(above, row[j - 1]);
                diagonal = above;
            }
        }
        System.out.println(row[b.length]);
    }
}
