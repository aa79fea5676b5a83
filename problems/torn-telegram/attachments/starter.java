import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        boolean sender = in.next().equals("send");
        for (int t = in.nextInt(); t > 0; t--) {
            String line = in.next();
            if (sender) System.out.println(line); // Add what the receiver needs.
            else System.out.println(line); // Find the message.
        }
    }
}
