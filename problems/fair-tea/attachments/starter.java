import java.io.*;

public class Main {
    public static void main(String[] args) throws IOException {
        StreamTokenizer in =
                new StreamTokenizer(new BufferedReader(new InputStreamReader(System.in)));
        in.nextToken();
        int n = (int) in.nval;
        in.nextToken();
        int k = (int) in.nval;
        int[] bricks = new int[n];
        for (int i = 0; i < n; i++) {
            in.nextToken();
            bricks[i] = (int) in.nval;
        }

        // Count the ways.
        long ways = 0;

        System.out.println(ways);
    }
}
