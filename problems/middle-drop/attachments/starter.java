import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        int n = in.nextInt();
        long s = in.nextLong(), a = in.nextLong(), c = in.nextLong(), m = in.nextLong();

        // Find the weight of the middle drop; Long.remainderUnsigned knows products of 64 bits.
        long middle = 0;

        System.out.println(middle);
    }
}
