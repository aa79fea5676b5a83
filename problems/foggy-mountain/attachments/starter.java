import java.util.Scanner;

public class Main {
    static final Scanner in = new Scanner(System.in);

    static int height(int mark) {
        System.out.println("? " + mark);
        return in.nextInt();
    }

    public static void main(String[] args) {
        int n = in.nextInt();

        // Find the summit.
        int summit = 1;

        System.out.println("! " + summit);
    }
}
