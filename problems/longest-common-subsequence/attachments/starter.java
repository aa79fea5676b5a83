import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        String a = in.next(), b = in.next();

        // Find the length of their longest common subsequence.
        int length = 0;

        System.out.println(length);
    }
}
