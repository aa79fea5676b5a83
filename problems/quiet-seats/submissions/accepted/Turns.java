import java.util.Scanner;

public class Turns {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt(), k = in.nextInt(), half = n / 2;
        if (n > 1 && k > half) {
            System.out.println("Impossible");
            return;
        }
        StringBuilder row = new StringBuilder();
        if (n % 2 == 1) row.append(half + 1);
        for (int i = 0; i < half; i++) {
            if (n % 2 == 1) row.append(' ').append(i + 1).append(' ').append(half + 2 + i);
            else row.append(' ').append(half - i).append(' ').append(n - i);
        }
        System.out.println(row);
    }
}
